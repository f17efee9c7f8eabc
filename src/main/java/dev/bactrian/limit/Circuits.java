package dev.bactrian.limit;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntSupplier;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Job;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.error.NotSentException;
import dev.bactrian.generate.Generation;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.Descriptors;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.hc.client5.http.classic.methods.HttpUriRequestBase;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.ConnectionRequestTimeoutException;
import org.apache.hc.core5.http.Header;
import org.slf4j.Logger;

/**
 * The circuit breakers, one for each endpoint, key and model of a provider; none if resilience4j is not on the class path. As a step of the
 * routes, fails a first call at once while its circuit is open. The HTTP client reports the outcomes. Polls pass no breaker, because they
 * are about work that is paid for.
 */
public final class Circuits implements CamelContextAware, Processor {

    /** An internal header that is never sent: the name of the breaker that the call must pass. */
    private static final String CIRCUIT = "Bactrian-Circuit";
    private static final String BEAN = "bactrianCircuitBreakers";
    private static final Logger LOG = OneLineLogger.of("dev.bactrian.limit");

    private CamelContext camelContext;
    private All all;

    /** A circuit breaker. */
    interface Breaker {

        /** Returns why no call may be made now, with the times; null if one may. Does not change the state. */
        String refusal();

        /** Begins a call. Returns false, and the call must not be made, if the circuit is open or enough calls try it out. */
        boolean begin();

        /** Records the end of a call that has begun. The reason is null if it was answered. */
        void ended(long nanos, Throwable reason);

        /** Records that a call that has begun says nothing about the provider. */
        void withdrawn();

        /** Returns 0 if the circuit is closed, 1 if it is half open, 2 if it is open. */
        int state();
    }

    /** Creates breakers. */
    interface Library {

        /** Creates a breaker; the words say what it is for. */
        Breaker breaker(String words);
    }

    /** Learns of each breaker. */
    public interface Listener {

        /** Reports a new breaker. Its state is 0 if the circuit is closed, 1 if it is half open, 2 if it is open. */
        void created(String provider, String model, IntSupplier state);
    }

    /**
     * What is known of a breaker.
     *
     * @param token  the key of its calls, or null
     * @param state  0 if the circuit is closed, 1 if it is half open, 2 if it is open
     * @param reason why no call may be made, or null if one may
     */
    public record State(String endpoint, String token, String model, int state, String reason) {
    }

    private record Key(String provider, String endpoint, String token, String model) {
    }

    private record Circuit(String name, Key key, Breaker breaker) {
    }

    /** The breakers of a Camel context. */
    private static final class All {

        private final Library breakers;
        private final Map<Key, Circuit> circuits = new ConcurrentHashMap<>();
        private final Map<String, Circuit> names = new ConcurrentHashMap<>();
        private final List<Listener> listeners = new ArrayList<>();

        All(Library maker) {
            breakers = maker;
        }

        static synchronized All of(CamelContext context) {
            All known = context.getRegistry().lookupByNameAndType(BEAN, All.class);
            if (known == null) {
                known = new All(library(Settings.of(context)));
                context.getRegistry().bind(BEAN, known);
            }
            return known;
        }

        private static Library library(Settings settings) {
            if (settings.count(Property.CIRCUIT_BREAKER_FAILURE_RATE) == 0) {
                return null;
            }
            try {
                return Breakers.of(settings);
            } catch (NoClassDefFoundError e) {
                LOG.debug("No circuit breakers without resilience4j-circuitbreaker: {}", e.getMessage());
                return null;
            }
        }

        private Circuit circuit(Key key) {
            Circuit known = circuits.get(key);
            return known != null ? known : create(key);
        }

        private synchronized Circuit create(Key key) {
            return circuits.computeIfAbsent(key, same -> {
                Circuit circuit = new Circuit("circuit-" + (names.size() + 1), key, breakers.breaker(key.provider() + "'s " + key.model()));
                names.put(circuit.name(), circuit);
                listeners.forEach(listener -> tell(listener, circuit));
                return circuit;
            });
        }

        private synchronized void listen(Listener listener) {
            listeners.add(listener);
            circuits.values().forEach(circuit -> tell(listener, circuit));
        }

        private static void tell(Listener listener, Circuit circuit) {
            listener.created(circuit.key().provider(), circuit.key().model(), circuit.breaker()::state);
        }
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        all = All.of(camelContext);
    }

    /** Adds a listener, which also learns of the breakers that there are. */
    public static void listen(CamelContext context, Listener listener) {
        All.of(context).listen(listener);
    }

    /** Returns what is to be said of the circuits of a provider that are open; empty if none is. */
    public static List<String> open(CamelContext context, String provider) {
        return All.of(context).circuits.values().stream().filter(circuit -> circuit.key().provider().equals(provider))
                .map(circuit -> circuit.breaker().refusal()).filter(words -> words != null).sorted().toList();
    }

    /** Returns the states of the breakers of a provider, in the order of their models. */
    public static List<State> states(CamelContext context, String provider) {
        return All.of(context).circuits.values().stream().filter(circuit -> circuit.key().provider().equals(provider))
                .map(circuit -> new State(circuit.key().endpoint(), circuit.key().token(), circuit.key().model(), circuit.breaker().state(),
                        circuit.breaker().refusal()))
                .sorted(Comparator.comparing(State::model)).toList();
    }

    /** Whether the circuit of a key and model is open. */
    static boolean isOpen(CamelContext context, String provider, String endpoint, String token, String model) {
        Circuit circuit = All.of(context).circuits.get(new Key(provider, endpoint, token, model));
        return circuit != null && circuit.breaker().refusal() != null;
    }

    /**
     * Names the breaker of the call that is about to be made.
     *
     * @throws GenerationFailure {@code provider-unavailable} if its circuit is open
     */
    @Override
    public void process(Exchange exchange) {
        if (all.breakers == null) {
            return;
        }
        Job job = Job.of(exchange);
        Generation generation = job.generation();
        Access access = job.provider().access(generation.account()).only(generation.token());
        Circuit circuit = all.circuit(new Key(generation.getProvider(), access.endpoint(), access.token(), generation.getModelId()));
        String refusal = circuit.breaker().refusal();
        if (refusal != null) {
            throw refused(refusal, job.attempts().failures());
        }
        exchange.getMessage().setHeader(CIRCUIT, circuit.name());
    }

    private static GenerationFailure refused(String why, int attempts) {
        return new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, why, null, attempts, true, new NotSentException(why));
    }

    /**
     * Makes a call and reports its outcome to the breaker that the request names in a header, which it removes.
     *
     * @throws GenerationFailure {@code provider-unavailable} if the circuit is open; the call is not made then
     */
    public static ClassicHttpResponse watch(CamelContext context, ClassicHttpRequest request, Gates.Call call) throws IOException {
        Header name = request.getFirstHeader(CIRCUIT);
        if (name == null) {
            return call.make();
        }
        request.removeHeaders(CIRCUIT);
        Circuit circuit = All.of(context).names.get(name.getValue());
        return circuit == null ? call.make() : watch(circuit.breaker(), request, call);
    }

    private static ClassicHttpResponse watch(Breaker breaker, ClassicHttpRequest request, Gates.Call call) throws IOException {
        if (!breaker.begin()) {
            String refusal = breaker.refusal();
            throw refused(refusal == null ? "the circuit breaker is being tried out" : refusal, 0);
        }
        long start = System.nanoTime();
        boolean ended = false;
        try {
            ClassicHttpResponse response = call.make();
            int status = response.getCode();
            breaker.ended(System.nanoTime() - start, status < 500 ? null : new IOException("answered " + status));
            ended = true;
            return response;
        } catch (IOException e) {
            boolean ours = request instanceof HttpUriRequestBase cancellable && cancellable.isCancelled()
                    || e instanceof ConnectionRequestTimeoutException || Descriptors.areExhausted(e);
            if (!ours) {
                breaker.ended(System.nanoTime() - start, e);
                ended = true;
            }
            throw e;
        } finally {
            if (!ended) {
                breaker.withdrawn();
            }
        }
    }
}
