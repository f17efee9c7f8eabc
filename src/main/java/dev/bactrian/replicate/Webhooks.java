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
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.slf4j.Logger;

/**
 * Takes in what the service tells of predictions by webhook, and has it ready for whoever waits for them. Nothing else is
 * done while the service waits for its answer.
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

    /** By the system's clock. */
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
    }

    /** Takes a webhook in, and leaves the HTTP status that answers it, and nothing else. */
    public void answer(Exchange exchange) throws IOException {
        int status = receive(exchange);
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().setHeader(Exchange.HTTP_RESPONSE_CODE, status);
        exchange.getMessage().setBody("");
    }

    /**
     * Takes a webhook in.
     *
     * @return the HTTP status that answers it: 200; 401 where it is not from the service or not from now; 400 where it is
     *         not a prediction; 413 where it is larger than {@code bactrian.max-response-bytes}
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

    /** Several headers of one name count as one. */
    private static String header(Exchange exchange, String name) {
        Object value = exchange.getMessage().getHeader(name);
        return value instanceof Collection<?> several ? several.stream().map(String::valueOf).collect(Collectors.joining(" "))
                : exchange.getMessage().getHeader(name, String.class);
    }

    /** What was told of the end of the prediction that is waited for, once; null where nothing was. */
    String take(PollState poll) {
        return mailbox.take(poll.getId());
    }
}
