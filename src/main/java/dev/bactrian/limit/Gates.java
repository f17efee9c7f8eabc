package dev.bactrian.limit;

import java.io.IOException;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.generate.Generation;
import org.apache.camel.CamelContext;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.Header;

/**
 * The gates of a Camel context, one for each limit that a service keeps: of Replicate one for creates and one for all else,
 * for each token; of Upstage one for each key and model.
 */
public final class Gates {

    private static final String BEAN = "bactrianGates";

    private static final Gate.Time SYSTEM = new Gate.Time() {
        @Override
        public long nanos() {
            return System.nanoTime();
        }

        @Override
        public long epochMillis() {
            return System.currentTimeMillis();
        }
    };

    private final Settings settings;
    private final Retry retry;
    /** By what they limit, and by their names. */
    private final Map<String, Gate> gates = new ConcurrentHashMap<>();
    private final Map<String, Gate> names = new ConcurrentHashMap<>();

    private Gates(Settings settings) {
        this.settings = settings;
        retry = Retry.of(settings);
    }

    /** Those of a Camel context, the same object each time. */
    public static Gates of(CamelContext context) {
        synchronized (Gates.class) {
            Gates gates = context.getRegistry().lookupByNameAndType(BEAN, Gates.class);
            if (gates == null) {
                gates = new Gates(Settings.of(context));
                context.getRegistry().bind(BEAN, gates);
            }
            return gates;
        }
    }

    /** For the call that a request is made with: the create, or the chat. */
    public Gate calls(Generation generation) {
        Settings own = settings.account(generation.account());
        return generation.isReplicate()
                ? gate("Replicate's creates", key(own, Property.REPLICATE_API_ENDPOINT, Property.REPLICATE_API_TOKEN),
                        key -> Gate.Rate.perMinute(own.count(Property.REPLICATE_MAX_CREATES_PER_MINUTE)))
                : gate("Upstage's " + generation.getModelId(), key(own, Property.UPSTAGE_API_ENDPOINT, Property.UPSTAGE_API_KEY),
                        key -> Gate.Rate.NONE);
    }

    /** For polls and cancels. */
    public Gate polls(Generation generation) {
        Settings own = settings.account(generation.account());
        return gate("Replicate's polls", key(own, Property.REPLICATE_API_ENDPOINT, Property.REPLICATE_API_TOKEN),
                key -> Gate.Rate.spread(own.count(Property.REPLICATE_MAX_REQUESTS_PER_MINUTE)));
    }

    /** The one of that name. */
    Gate named(String name) {
        return Objects.requireNonNull(names.get(name), "no such gate");
    }

    /** A call over HTTP. */
    public interface Call {

        /** Makes it. */
        ClassicHttpResponse make() throws IOException;
    }

    /** Makes a call, and lets the gate that its request names know what came of it. */
    public ClassicHttpResponse watch(ClassicHttpRequest request, Call call) throws IOException {
        Header name = request.getFirstHeader(Turns.GATE);
        request.removeHeaders(Turns.GATE);
        Gate gate = name == null ? null : names.get(name.getValue());
        if (gate == null) {
            return call.make();
        }
        ClassicHttpResponse response = null;
        try {
            response = call.make();
        } finally {
            if (response == null) {
                gate.unanswered();
            } else {
                gate.answered(response.getCode(), headers(response));
            }
        }
        return response;
    }

    private static Map<String, String> headers(ClassicHttpResponse response) {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (Header header : response.getHeaders()) {
            headers.putIfAbsent(header.getName(), header.getValue() == null ? "" : header.getValue());
        }
        return headers;
    }

    private static String key(Settings settings, Property endpoint, Property token) {
        return Generation.fingerprint(settings.require(endpoint) + " " + settings.text(token).map(String::trim).orElse(""));
    }

    private Gate gate(String of, String key, Function<String, Gate.Rate> rate) {
        return gates.computeIfAbsent(of + " " + key, limited -> {
            Gate gate = new Gate("gate-" + (names.size() + 1), of, rate.apply(key), retry, settings.duration(Property.RETRY_MAX_DELAY), SYSTEM);
            names.put(gate.name(), gate);
            return gate;
        });
    }
}
