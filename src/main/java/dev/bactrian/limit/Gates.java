package dev.bactrian.limit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.text.Fingerprint;
import org.apache.camel.CamelContext;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.Header;

/** The gates of a Camel context, one for each limit of a service. The provider defines what is limited, for each endpoint and token. */
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
    /** By limit, endpoint and token. */
    private final Map<String, Gate> gates = new ConcurrentHashMap<>();
    private final Map<String, Gate> names = new ConcurrentHashMap<>();

    private Gates(Settings settings) {
        this.settings = settings;
        retry = Retry.of(settings);
    }

    /** Returns the gates of a Camel context, the same object on each call. */
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

    /**
     * Returns the gate of a limit, the same object for the same limit, endpoint and token.
     *
     * @param of what the service limits, for the log: {@code Replicate's creates}
     */
    public Gate gate(String of, Access access, Gate.Rate rate) {
        String key = of + " " + Fingerprint.of((access.endpoint() + " " + (access.token() == null ? "" : access.token())).getBytes(StandardCharsets.UTF_8));
        return gates.computeIfAbsent(key, limited -> {
            Gate gate = new Gate("gate-" + (names.size() + 1), of, rate, retry, settings.duration(Property.RETRY_MAX_DELAY), SYSTEM);
            names.put(gate.name(), gate);
            return gate;
        });
    }

    /** Returns the gate of that name. */
    public Gate named(String name) {
        return Objects.requireNonNull(names.get(name), "no such gate");
    }

    /** An HTTP call. */
    public interface Call {

        /** Makes the call. */
        ClassicHttpResponse make() throws IOException;
    }

    /** Makes a call and reports its outcome to the gate that the request names in the header {@code Bactrian-Gate}, which it removes. */
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
}
