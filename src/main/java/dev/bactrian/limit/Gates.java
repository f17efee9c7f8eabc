package dev.bactrian.limit;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

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
    private static final char TICKET = '#';

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

    /** Counts the instances that use a limit. */
    public interface Sharing {

        /** Records that this instance uses the limit, and returns how many do; 0 if that is unknown. */
        int instances(String limit);
    }

    /** What is limited: the calls to an endpoint with a token, which may be null. */
    private record Limit(String of, String endpoint, String token) {

        /** Returns a name that is the same for all instances, and does not reveal the token. */
        @Override
        public String toString() {
            return Fingerprint.of((of + " " + Fingerprint.of((endpoint + " " + (token == null ? "" : token)).getBytes(StandardCharsets.UTF_8)))
                    .getBytes(StandardCharsets.UTF_8));
        }
    }

    private final Settings settings;
    private final Retry retry;
    private volatile Sharing sharing;
    private volatile Executor soon;
    private final Map<Limit, Gate> gates = new ConcurrentHashMap<>();
    private final Map<String, Gate> names = new ConcurrentHashMap<>();
    /** Several gates may be created at once, and no two may have the same name. */
    private final AtomicInteger count = new AtomicInteger();

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
        Limit limit = new Limit(of, access.endpoint(), access.token());
        Gate known = gates.get(limit);
        return known != null ? known : gates.computeIfAbsent(limit, limited -> {
            Gate gate = new Gate("gate-" + count.incrementAndGet(), of, rate, retry, settings.duration(Property.RETRY_MAX_DELAY), SYSTEM);
            gate.divide(settings.count(Property.INSTANCES));
            names.put(gate.name(), gate);
            Executor counting = soon;
            if (counting != null) {
                counting.execute(() -> divide(limited, gate));
            }
            return gate;
        });
    }

    /** Divides the limits among the instances that this counts, at once in that executor and then by {@link #divide()}; null: no longer. */
    public void shareWith(Sharing counted, Executor executor) {
        sharing = counted;
        soon = executor;
        if (executor != null) {
            executor.execute(this::divide);
        }
    }

    /** Counts the instances again that use the limits that this one uses now. */
    public void divide() {
        gates.forEach((limit, gate) -> {
            if (gate.isUsed()) {
                divide(limit, gate);
            }
        });
    }

    private void divide(Limit limit, Gate gate) {
        Sharing counted = sharing;
        int among = counted == null ? 0 : counted.instances(limit.toString());
        if (among > 0) {
            gate.divide(among);
        }
    }

    /** Returns the gate of that name, which the number of a ticket may follow. */
    public Gate named(String name) {
        return Objects.requireNonNull(names.get(gateOf(name)), "no such gate");
    }

    /** Returns the name by which a call refers to its gate and its ticket. */
    static String callOf(Gate gate, Ticket ticket) {
        return gate.name() + TICKET + ticket.number();
    }

    private static String gateOf(String name) {
        int ticket = name.indexOf(TICKET);
        return ticket < 0 ? name : name.substring(0, ticket);
    }

    private static Long ticketOf(String name) {
        int ticket = name.indexOf(TICKET);
        return ticket < 0 ? null : Long.valueOf(name.substring(ticket + 1));
    }

    /**
     * Records that the answer to a call has ended, and how many tokens the service has counted for it.
     *
     * @param call       the name of the call's gate and ticket; ignored if it has none
     * @param prompt     the tokens of the prompt; negative if that is unknown
     * @param completion the tokens of the answer
     */
    public void ended(String call, long prompt, long completion) {
        Long ticket = call == null ? null : ticketOf(call);
        if (ticket != null) {
            named(call).ended(ticket, prompt, completion);
        }
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
        Gate gate = name == null ? null : names.get(gateOf(name.getValue()));
        if (gate == null) {
            return call.make();
        }
        Gate.Call made = gate.begin(ticketOf(name.getValue()));
        ClassicHttpResponse response = null;
        try {
            response = call.make();
        } finally {
            if (response == null) {
                gate.unanswered(made);
            } else {
                gate.answered(made, response.getCode(), headers(response));
            }
        }
        return response;
    }

    /** Returns the headers that the gate reads; none if they say nothing of a limit, as those of most services. */
    private static Map<String, String> headers(ClassicHttpResponse response) {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        boolean ofLimit = false;
        for (Iterator<Header> all = response.headerIterator(); all.hasNext();) {
            Header header = all.next();
            String name = header.getName().toLowerCase(Locale.ROOT);
            boolean tells = name.equals("retry-after") || name.contains("ratelimit");
            if (tells || name.equals("date")) {
                headers.putIfAbsent(name, header.getValue() == null ? "" : header.getValue());
            }
            ofLimit |= tells;
        }
        return ofLimit ? headers : Map.of();
    }
}
