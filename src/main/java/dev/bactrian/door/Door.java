package dev.bactrian.door;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Steps;
import dev.bactrian.emit.Outcome;
import dev.bactrian.error.Cause;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Capacity;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.ScheduledPool;
import org.apache.camel.AggregationStrategy;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.support.SynchronizationAdapter;
import org.slf4j.Logger;

/**
 * Admits the calls of {@code routes/from-http.camel.yaml}: its first step. Checks who calls, and limits how many requests are in work at
 * once ({@code bactrian.http.max-requests}).
 */
public final class Door implements CamelContextAware, Processor, AggregationStrategy {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.http");
    private static final String COMPONENT = "org.apache.camel.component.platform.http.PlatformHttpComponent";
    private static final int RETRY_SECONDS = 1;
    private static final String STOPPED = "the application has stopped";

    private final AggregationStrategy outcomes = new Outcome();
    private final AtomicInteger inWork = new AtomicInteger();
    private final Set<EventWriter> streams = ConcurrentHashMap.newKeySet();
    private CamelContext camelContext;
    private Settings settings;
    private Callers callers;
    private ScheduledPool comments;
    private Times times = Times.USUAL;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        settings = Settings.of(context);
        if (settings.flag(Property.HTTP_ENABLED) && context.getClassResolver().resolveClass(COMPONENT) == null) {
            throw new SettingException(Property.HTTP_ENABLED.key(), "the HTTP door needs camel-platform-http on the class path");
        }
        callers = Callers.of(settings);
        Steps.of(context, "bactrianDoor", Door.class).step("visit", Door::visit).step("refused", Door::refused).test("isDelete", Door::isDelete);
    }

    void setTimes(Times others) {
        times = others;
    }

    /** Returns how many requests are in work. */
    int inWork() {
        return inWork.get();
    }

    /**
     * Admits a call and removes the headers of its request, except for the content type, the path, the query and the number of files.
     *
     * @throws Refusal if the call is refused
     */
    @Override
    public void process(Exchange exchange) {
        Message message = exchange.getMessage();
        Client client = Client.of(message, times.patience());
        Map<String, String> cors = callers.corsHeaders(client);
        if (client.method().equals("OPTIONS")) {
            preflight(exchange, client, cors);
            return;
        }
        Caller caller = callers.require(client);
        Runnable release = () -> { };
        if (client.method().equals("POST")) {
            admit();
            release = inWork::decrementAndGet;
        }
        exchange.getExchangeExtension().addOnCompletion(new End(release));
        Call.begin(exchange, client, caller, cors, release);
        AcceptedRequests.useAccount(camelContext, exchange, caller.name());
        message.removeHeaders("*", Exchange.CONTENT_TYPE, Exchange.HTTP_PATH, Exchange.HTTP_QUERY, Exchange.ATTACHMENTS_SIZE);
    }

    /**
     * Begins a call that needs no key, and removes the headers of its request.
     *
     * @throws Refusal 403 from a foreign page or by a foreign name
     */
    public void visit(Exchange exchange) {
        Client client = Client.of(exchange.getMessage(), times.patience());
        callers.requireNear(client);
        Call.begin(exchange, client, new Caller("", false), callers.corsHeaders(client), () -> { });
        exchange.getMessage().removeHeaders("*", Exchange.HTTP_PATH);
    }

    private static void preflight(Exchange exchange, Client client, Map<String, String> cors) {
        Answers.set(exchange, cors.isEmpty() ? 403 : 204, Answers.JSON, new byte[0]);
        if (!cors.isEmpty()) {
            Message message = exchange.getMessage();
            message.getHeaders().putAll(cors);
            message.setHeader("Access-Control-Allow-Methods", "GET, POST, DELETE");
            String asked = client.header("Access-Control-Request-Headers");
            message.setHeader("Access-Control-Allow-Headers", asked == null ? "Authorization, Content-Type" : asked);
            message.setHeader("Access-Control-Max-Age", 600);
        }
        exchange.setRouteStop(true);
    }

    private void admit() {
        int most = settings.isSet(Property.HTTP_MAX_REQUESTS) ? settings.count(Property.HTTP_MAX_REQUESTS) : Capacity.of(camelContext).most();
        if (inWork.incrementAndGet() > most) {
            inWork.decrementAndGet();
            throw new Refusal(429, "rate-limited", "the most requests at once, " + most + ", are in work", RETRY_SECONDS);
        }
    }

    /** The end of a call. */
    private final class End extends SynchronizationAdapter {

        private final Runnable release;

        End(Runnable release) {
            this.release = release;
        }

        @Override
        public void onDone(Exchange exchange) {
            Call call = Call.of(exchange);
            if (call == null) {
                release.run();
                return;
            }
            call.done();
            if (call.events() != null) {
                streams.remove(call.events());
            }
        }
    }

    /** Whether the call is to delete something. */
    public boolean isDelete(Exchange exchange) {
        return Call.of(exchange).client().method().equals("DELETE");
    }

    /** Sends comments while the stream of the call is silent. */
    void follow(EventWriter stream) {
        streams.add(stream);
        synchronized (this) {
            if (comments == null) {
                comments = new ScheduledPool(camelContext, "bactrian-http", 1);
                comments.scheduleWithFixedDelay(this::comment, 1, 1, TimeUnit.SECONDS);
            }
        }
    }

    private void comment() {
        for (EventWriter stream : streams) {
            try {
                stream.comment(times.silence().toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            } catch (RuntimeException e) {
                LOG.debug("No comment was sent: {}", e.toString());
            }
        }
    }

    /** Sets the message to the answer of a call that has failed before there was an outcome. */
    public void refused(Exchange exchange) throws InterruptedException {
        Throwable cause = Cause.of(exchange);
        Refusal refusal = refusal(cause);
        if (refusal.status() == 500) {
            LOG.error("A call has failed: {}", settings.redact(String.valueOf(cause)));
        }
        String message = settings.redact(refusal.getMessage());
        byte[] body = Answers.bytes(Answers.error(refusal.type(), message));
        Call call = Call.of(exchange);
        if (call != null && call.breakEvents(exchange, refusal.type(), message)) {
            return;
        } else if (call == null) {
            Map<String, String> cors = callers.corsHeaders(Client.of(exchange.getMessage(), times.patience()));
            Answers.set(exchange, refusal.status(), Answers.JSON, body);
            exchange.getMessage().getHeaders().putAll(cors);
        } else {
            call.answer(exchange, refusal.status(), Answers.JSON, body);
        }
        Answers.retry(exchange.getMessage(), refusal.retryAfter() > 0, refusal.retryAfter());
        if (refusal.status() == 401) {
            exchange.getMessage().setHeader("WWW-Authenticate", "Bearer");
        }
    }

    /**
     * Sets the body to the outcome of the request. After the shutdown timeout Camel runs no further step of the route, so the caller is
     * answered here.
     */
    @Override
    public Exchange aggregate(Exchange exchange, Exchange outcome) {
        Exchange done = outcomes.aggregate(exchange, outcome);
        Call call = Call.of(done);
        if (camelContext.getShutdownStrategy().isTimeoutOccurred() && !call.isAnswered()) {
            try {
                call.breakOff(done, new Refusal(503, "provider-unavailable", STOPPED, RETRY_SECONDS));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        return done;
    }

    private Refusal refusal(Throwable cause) {
        if (cause instanceof Refusal refusal) {
            return refusal;
        } else if (cause instanceof GenerationFailure failure) {
            return new Refusal(Answers.status(failure.type().toString()), failure.type().toString(), failure.getMessage());
        } else if (cause instanceof RejectedExecutionException || camelContext.isStopping()) {
            return new Refusal(503, "provider-unavailable", STOPPED, RETRY_SECONDS);
        }
        return new Refusal(500, "internal", "the call has failed; the log of the service says why");
    }
}
