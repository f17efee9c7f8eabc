package dev.bactrian.observe;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Catalogue;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.slf4j.Logger;

/** Forwards events to the observers that are available in the application. */
final class Observers implements Observer {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.observe");
    private static final String BEAN = "bactrianObserver";

    private final List<Catalogue> catalogues = new CopyOnWriteArrayList<>();
    private final Map<String, IntSupplier> waiting = new ConcurrentHashMap<>();
    private Observer meters;
    private Observer spans;
    private final List<Observer> others = new CopyOnWriteArrayList<>();
    private volatile List<Observer> all = List.of();

    private Observers() {
    }

    static Observer of(CamelContext context) {
        Observer known = context.getRegistry().lookupByNameAndType(BEAN, Observer.class);
        return known != null ? known : create(context);
    }

    private static synchronized Observer create(CamelContext context) {
        Observer known = context.getRegistry().lookupByNameAndType(BEAN, Observer.class);
        if (known != null) {
            return known;
        }
        Observers observers = new Observers();
        context.getRegistry().bind(BEAN, observers);
        observers.find(context);
        try {
            // An application may register its meter registry or tracer after the routes, but before the context starts.
            context.addStartupListener((started, already) -> observers.find(started));
        } catch (Exception e) {
            LOG.warn("Only what observes by now will: {}", e.toString());
        }
        return observers;
    }

    static void add(CamelContext context, Observer other) {
        ((Observers) of(context)).add(other);
    }

    private synchronized void add(Observer other) {
        others.add(other);
        catalogues.forEach(other::models);
        all = Stream.concat(all.stream(), Stream.of(other)).toList();
    }

    private synchronized void find(CamelContext context) {
        if (meters == null) {
            meters = optional(() -> Meters.of(context, waiting));
            if (meters != null) {
                catalogues.forEach(meters::models);
            }
        }
        spans = spans != null ? spans : optional(() -> Spans.of(context));
        all = Stream.concat(Stream.of(meters, spans).filter(Objects::nonNull), others.stream()).toList();
    }

    private static Observer optional(Supplier<Observer> library) {
        try {
            return library.get();
        } catch (NoClassDefFoundError e) {
            LOG.debug("Not observed by a library that is not on the class path: {}", e.getMessage());
            return null;
        }
    }

    @Override
    public synchronized void models(Catalogue catalogue) {
        catalogues.add(catalogue);
        tell(observer -> observer.models(catalogue));
    }

    @Override
    public void waiting(String provider, IntSupplier requests) {
        waiting.merge(provider, requests, (before, more) -> () -> before.getAsInt() + more.getAsInt());
    }

    @Override
    public void begun(Exchange exchange, Generation generation) {
        tell(observer -> observer.begun(exchange, generation));
    }

    @Override
    public void resumed(Exchange exchange, Generation generation) {
        tell(observer -> observer.resumed(exchange, generation));
    }

    @Override
    public void left(Generation generation) {
        tell(observer -> observer.left(generation));
    }

    @Override
    public void fellBack(Generation generation, String errorType) {
        tell(observer -> observer.fellBack(generation, errorType));
    }

    @Override
    public void firstChunk(Generation generation) {
        tell(observer -> observer.firstChunk(generation));
    }

    @Override
    public void wholeText(Generation generation) {
        tell(observer -> observer.wholeText(generation));
    }

    @Override
    public void polled(Generation generation, boolean answered) {
        tell(observer -> observer.polled(generation, answered));
    }

    @Override
    public void ended(Exchange exchange, Generation generation, ObjectNode document, int chunks) {
        tell(observer -> observer.ended(exchange, generation, document, chunks));
    }

    private void tell(Consumer<Observer> what) {
        for (Observer observer : all) {
            try {
                what.accept(observer);
            } catch (RuntimeException | LinkageError e) {
                LOG.warn("Not observed: {}", e.toString());
            }
        }
    }
}
