package dev.bactrian.replicate;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.Collection;
import java.util.stream.Collectors;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Poll;
import dev.bactrian.core.Steps;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.support.MessageHelper;
import org.slf4j.Logger;

/**
 * Receives the service's webhooks about predictions and stores them for the requests that wait for them. Does nothing else, because the
 * service waits for the answer.
 */
public final class Webhooks implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.replicate");

    private static final int TAKEN = 200;
    private static final int NO_PREDICTION = 400;
    private static final int NOT_FROM_THE_SERVICE = 401;
    private static final int TOO_LARGE = 413;

    private final Clock clock;
    private CamelContext camelContext;
    private WebhookSignature signature;
    private WebhookStore mailbox;
    private long mostBytes;

    /** Uses the system clock. */
    public Webhooks() {
        this(Clock.systemUTC());
    }

    Webhooks(Clock clock) {
        this.clock = clock;
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        Settings settings = Settings.of(camelContext);
        mostBytes = settings.bytes(Property.MAX_RESPONSE_BYTES);
        signature = new WebhookSignature(settings.webhookSecrets());
        mailbox = new WebhookStore(mostBytes);
        Steps.of(camelContext, "bactrianWebhooks", Webhooks.class).step("answer", Webhooks::answer);
    }

    /** Receives a webhook and sets the HTTP status of the answer. Removes the body and all other headers. */
    public void answer(Exchange exchange) throws IOException {
        MessageHelper.resetStreamCache(exchange.getMessage());
        int status = receive(exchange);
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().setHeader(Exchange.HTTP_RESPONSE_CODE, status);
        exchange.getMessage().setBody("");
    }

    /**
     * Receives a webhook.
     *
     * @return the HTTP status of the answer: 200; 401 if it is not signed by the service or not recent; 400 if it is not a prediction;
     *         413 if it is larger than {@code bactrian.max-response-bytes}
     */
    public int receive(Exchange exchange) throws IOException {
        byte[] body = body(exchange);
        if (body.length > mostBytes) {
            LOG.warn("A webhook is larger than {} and is refused", Property.MAX_RESPONSE_BYTES.key());
            return TOO_LARGE;
        }
        String id = header(exchange, "webhook-id");
        if (!signature.isValid(id, header(exchange, "webhook-timestamp"), header(exchange, "webhook-signature"), body, clock.instant())) {
            LOG.warn("A webhook is not signed with {}, or not from the last minutes, and is refused", Property.REPLICATE_WEBHOOK_SECRET.key());
            return NOT_FROM_THE_SERVICE;
        }
        String text = new String(body, StandardCharsets.UTF_8);
        JsonNode json = ProviderJson.json(text).orElse(MissingNode.getInstance());
        String prediction = json.path("id").asText();
        if (!json.path("status").isTextual() || !Poll.isValidId(prediction)) {
            return NO_PREDICTION;
        }
        boolean ended = PredictionStatus.of(json.path("status").textValue()).terminal();
        boolean news = ended && mailbox.put(prediction, text, body.length);
        LOG.debug("Webhook for prediction {}: {}{}", prediction, PredictionStatus.of(json.path("status").textValue()),
                news ? "" : ", which changes nothing");
        return TAKEN;
    }

    private byte[] body(Exchange exchange) throws IOException {
        int most = (int) Math.min(mostBytes + 1, Integer.MAX_VALUE - 8);
        if (exchange.getMessage().getBody() instanceof String text) {
            return text.getBytes(StandardCharsets.UTF_8);
        }
        try (InputStream in = exchange.getMessage().getBody(InputStream.class)) {
            return in == null ? new byte[0] : in.readNBytes(most);
        }
    }

    /** Joins several headers of one name. */
    private static String header(Exchange exchange, String name) {
        Object value = exchange.getMessage().getHeader(name);
        return value instanceof Collection<?> several ? several.stream().map(String::valueOf).collect(Collectors.joining(" "))
                : exchange.getMessage().getHeader(name, String.class);
    }

    /** Removes and returns the webhook payload that reports the end of the prediction, or returns null. */
    String take(PollState poll) {
        return mailbox.take(poll.getId());
    }
}
