package dev.bactrian.console;

import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.Version;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Cancellations;
import dev.bactrian.jms.QueueInspector;
import dev.bactrian.observe.Observer;
import dev.bactrian.text.OutgoingJson;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;

/**
 * The bean {@code bactrianConsole}: what the console of docs/reference/console.md shows, and what it can do. Does nothing, and costs
 * nothing, if {@code bactrian.http.console} is {@code off}. Thread-safe.
 */
public final class Console implements CamelContextAware {

    /** The name of a bean, a String: the URL of the simulator that answers in place of the providers. */
    public static final String SIMULATOR = "bactrianSimulator";

    /** What the console may do. */
    public enum Mode {
        OFF, READ, FULL;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private final Instant startedAt = Instant.now();
    private CamelContext camelContext;
    private Settings settings;
    private Mode mode = Mode.OFF;
    private Work work;
    private Health health;
    private Feed feed;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /** Returns the console of a context; empty if it is off. */
    public static Optional<Console> of(CamelContext context) {
        return Optional.ofNullable(context.getCamelContextExtension().getContextPlugin(Console.class));
    }

    /** Begins to record, if the console is on. Does nothing on a further call, because Camel creates the beans of a route file twice. */
    public void start() {
        settings = Settings.of(camelContext);
        mode = Mode.valueOf(settings.require(Property.HTTP_CONSOLE).toUpperCase(Locale.ROOT));
        Console other = of(camelContext).orElse(null);
        if (mode == Mode.OFF || other != null) {
            work = other == null ? null : other.work;
            health = other == null ? null : other.health;
            feed = other == null ? null : other.feed;
            return;
        }
        Mask mask = new Mask(settings);
        work = new Work(mask);
        health = new Health(camelContext, camelContext.getRegistry().lookupByNameAndType(SIMULATOR, String.class), mask);
        feed = new Feed(camelContext, work, health, () -> snapshot(health.fresh()));
        camelContext.getCamelContextExtension().addContextPlugin(Console.class, this);
        Observer.add(camelContext, work);
    }

    /** Returns what the console may do. */
    public Mode mode() {
        return mode;
    }

    /**
     * Returns everything at this moment. Waits up to 2 s to learn the health. The lines in it must not be changed.
     */
    public ObjectNode snapshot() {
        return snapshot(health.current());
    }

    private ObjectNode snapshot(ObjectNode known) {
        work.sweep();
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("version", Version.current()).put("now", Lines.time(Instant.now()))
                .put("startedAt", Lines.time(startedAt)).put("mode", mode.toString()).put("inWork", work.count());
        json.set("requests", work.lines());
        json.set("done", work.history().lines());
        json.set("figures", work.figures().json(-1));
        json.set("health", known);
        return json;
    }

    /**
     * Passes events to the consumer: first a snapshot, then what changes. The consumer is called by one thread at a time and may wait. If it
     * takes too long, the events that wait are dropped, and a snapshot follows. If it throws an exception, it is not called again.
     *
     * @return closes the feed for this consumer
     * @throws RejectedExecutionException if there are {@value Feed#MOST_READERS} consumers
     */
    public AutoCloseable subscribe(Consumer<Event> consumer) {
        return feed.subscribe(consumer);
    }

    /** Returns the line of a request in work or done, by its number; it must not be changed. */
    public Optional<ObjectNode> request(long no) {
        return work.line(no).or(() -> work.history().line(no));
    }

    /**
     * Cancels a request in work.
     *
     * @return whether there was something to cancel
     * @throws IllegalStateException if the console may only read
     */
    public boolean cancel(String id) {
        requireFull();
        return ProviderJson.json(Cancellations.of(camelContext).cancel(id)).orElseThrow().path("canceled").asBoolean();
    }

    /**
     * Returns a request that is done, to send it again: the JSON of {@code direct:generate}, without its id and with keys masked. Empty if
     * it is not kept.
     *
     * @throws IllegalStateException if the console may only read
     */
    public Optional<ObjectNode> again(long no) {
        requireFull();
        return work.history().request(no).map(request -> (ObjectNode) OutgoingJson.of(Requests.json(request), work.mask()::masked));
    }

    /**
     * Sends a dead letter back to the queue that it came from.
     *
     * @return false if there is no such dead letter, or it does not say where it came from
     * @throws IllegalStateException if the console may only read
     * @throws Exception             if the broker cannot do it
     */
    public boolean sendBack(String message) throws Exception {
        requireFull();
        if (!settings.flag(Property.JMS_ENABLED)) {
            return false;
        }
        Optional<QueueInspector> inspector = QueueInspector.of(camelContext);
        boolean isSent = inspector.isPresent() && inspector.get().sendBack(message);
        health.forget();
        return isSent;
    }

    private void requireFull() {
        if (mode != Mode.FULL) {
            throw new IllegalStateException(Property.HTTP_CONSOLE.key() + " is " + mode);
        }
    }

    Work work() {
        return work;
    }
}
