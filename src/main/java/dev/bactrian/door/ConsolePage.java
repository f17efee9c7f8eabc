package dev.bactrian.door;

import java.io.IOException;
import java.io.InputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.console.Console;
import dev.bactrian.console.Console.Mode;
import dev.bactrian.console.Event;
import dev.bactrian.core.Steps;
import dev.bactrian.generate.Headers;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** The operator's console over HTTP, for {@code routes/from-console.camel.yaml}: its page, its feed of events, and what it can do. */
public final class ConsolePage implements CamelContextAware {

    /** A file of the page. */
    private record Part(String file, String contentType) {
    }

    private static final Map<String, Part> PARTS = Map.of(
            "/", new Part("index.html", "text/html; charset=utf-8"),
            "/console.css", new Part("console.css", "text/css; charset=utf-8"),
            "/console.js", new Part("console.js", "text/javascript; charset=utf-8"));
    private static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https: http:; "
            + "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
    private static final Pattern AGAIN = Pattern.compile(".*/console/requests/(\\d{1,18})/again");
    private static final Pattern BACK = Pattern.compile(".*/console/dead-letters/([^/]+)/back");
    private static final byte[] COMMENT = ":\n\n".getBytes(StandardCharsets.US_ASCII);
    private static final int COMMENT_SECONDS = 15;

    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        Steps.of(context, "bactrianConsolePage", ConsolePage.class).step("part", ConsolePage::part).step("events", ConsolePage::events)
                .test("isAgain", ConsolePage::isAgain).step("again", ConsolePage::again).step("sent", ConsolePage::sent)
                .step("sendBack", ConsolePage::sendBack);
    }

    private Console console() {
        return Console.of(camelContext).orElseThrow(() -> new Refusal(404, "not-found", "the console is off"));
    }

    /** Answers with the file of the page that the path names. */
    public void part(Exchange exchange) throws IOException {
        console();
        Part part = PARTS.get(path(exchange));
        if (part == null) {
            throw new Refusal(404, "not-found", "the console has no such file");
        }
        byte[] content;
        try (InputStream in = Objects.requireNonNull(ConsolePage.class.getResourceAsStream("/bactrian/console/" + part.file()), part.file())) {
            content = in.readAllBytes();
        }
        Call.of(exchange).answer(exchange, 200, part.contentType(), content);
        Message message = exchange.getMessage();
        message.setHeader("Content-Security-Policy", POLICY);
        message.setHeader("X-Frame-Options", "DENY");
        message.setHeader("Referrer-Policy", "no-referrer");
        message.setHeader("Cache-Control", "no-cache");
    }

    private static String path(Exchange exchange) {
        return exchange.getMessage().getHeader(Exchange.HTTP_PATH, "", String.class);
    }

    /**
     * Sends the events of the feed until the client goes away or the application stops.
     *
     * @throws Refusal 403 if the caller may not see the requests of all
     */
    public void events(Exchange exchange) throws Exception {
        Call call = requireAdmin(exchange);
        Client client = call.client();
        CountDownLatch gone = new CountDownLatch(1);
        client.onGone(gone::countDown);
        AtomicBoolean begun = new AtomicBoolean();
        try (AutoCloseable feed = console().subscribe(event -> {
            if (begun.compareAndSet(false, true)) {
                client.begin(200, call.eventHeaders());
            }
            send(client, event, gone);
        })) {
            for (int second = 1; !camelContext.isStopping() && !gone.await(1, TimeUnit.SECONDS); second++) {
                if (second % COMMENT_SECONDS == 0 && !client.isBehind()) {
                    client.write(COMMENT);
                }
            }
        } catch (RejectedExecutionException e) {
            throw new Refusal(503, "provider-unavailable", e.getMessage(), COMMENT_SECONDS);
        }
        client.end();
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().setBody(null);
    }

    private static void send(Client client, Event event, CountDownLatch gone) {
        try {
            if (!client.write(("event: " + event.name() + "\ndata: " + event.data() + "\n\n").getBytes(StandardCharsets.UTF_8))) {
                gone.countDown();
                throw new IllegalStateException("the client is gone");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    private static Call requireAdmin(Exchange exchange) {
        Call call = Call.of(exchange);
        if (!call.caller().admin()) {
            throw new Refusal(403, "authentication", "the console shows the requests of all: it takes a key of bactrian.http.admin-keys");
        }
        return call;
    }

    /** Whether the call is to send a request again. */
    public boolean isAgain(Exchange exchange) {
        return AGAIN.matcher(path(exchange)).matches();
    }

    /**
     * Sets the body to the request of the path, to be sent again.
     *
     * @throws Refusal 403 if the console may not act, 404 if the request is not kept
     */
    public void again(Exchange exchange) {
        Matcher path = AGAIN.matcher(path(exchange));
        path.matches();
        Call call = requireAdmin(exchange);
        ObjectNode request = acting().again(Long.parseLong(path.group(1)))
                .orElseThrow(() -> new Refusal(404, "not-found", "that request is not kept any more"));
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().setHeader(Exchange.CONTENT_TYPE, Answers.JSON);
        exchange.getMessage().setHeader(Headers.REQUEST_ID, call.id());
        exchange.getMessage().setBody(new String(Answers.bytes(request), StandardCharsets.UTF_8));
    }

    /** Answers that the request was sent again, with its new id. */
    public void sent(Exchange exchange) {
        Call call = Call.of(exchange);
        call.answer(exchange, 202, Answers.JSON, Answers.bytes(JsonNodeFactory.instance.objectNode().put("id", call.id()).put("status", "processing")));
    }

    /**
     * Sends the dead letter of the path back to its queue.
     *
     * @throws Refusal 403 if the console may not act, 404 if there is no such dead letter
     */
    public void sendBack(Exchange exchange) throws Exception {
        Matcher path = BACK.matcher(path(exchange));
        Call call = requireAdmin(exchange);
        if (!path.matches() || !acting().sendBack(URLDecoder.decode(path.group(1).replace("+", "%2B"), StandardCharsets.UTF_8))) {
            throw new Refusal(404, "not-found", "there is no such dead letter, or it does not say where it came from");
        }
        call.answer(exchange, 200, Answers.JSON, Answers.bytes(JsonNodeFactory.instance.objectNode().put("sent", true)));
    }

    private Console acting() {
        Console console = console();
        if (console.mode() != Mode.FULL) {
            throw new Refusal(403, "authentication", "the console may only read (bactrian.http.console)");
        }
        return console;
    }
}
