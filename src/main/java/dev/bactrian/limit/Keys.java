package dev.bactrian.limit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;

import dev.bactrian.core.Job;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.generate.Generation;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.slf4j.Logger;

/**
 * Chooses among the several keys of a provider: the one with room. A key that the service refuses (401, 402, 403) is set aside for
 * {@value #ASIDE_MINUTES} minutes, or until the service accepts it again. Thread-safe.
 */
public final class Keys {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.limit");
    private static final int ASIDE_MINUTES = 10;

    private record Refusal(int status, long since) {
    }

    /** By endpoint and key. */
    private final Map<String, Refusal> refusals = new ConcurrentHashMap<>();
    private final AtomicInteger turn = new AtomicInteger();
    private final CamelContext context;
    private volatile Predicate<String> avoided = token -> false;

    private Keys(CamelContext context) {
        this.context = context;
    }

    /** Returns the keys of a Camel context, the same object on each call. */
    public static Keys of(CamelContext context) {
        Keys known = context.getCamelContextExtension().getContextPlugin(Keys.class);
        if (known != null) {
            return known;
        }
        synchronized (Keys.class) {
            if (context.getCamelContextExtension().getContextPlugin(Keys.class) == null) {
                context.getCamelContextExtension().addContextPlugin(Keys.class, new Keys(context));
            }
        }
        return context.getCamelContextExtension().getContextPlugin(Keys.class);
    }

    /** Keys for which the test holds are chosen only if it holds for all. */
    public void avoid(Predicate<String> test) {
        avoided = test;
    }

    /** Whether the status means that the service does not take the key. */
    public static boolean isRefusal(int status) {
        return status == 401 || status == 402 || status == 403;
    }

    /**
     * Chooses the key for the calls of a request, if there are several, and returns the request with it. If all are set aside, the one
     * that was refused first is tried again.
     *
     * @param gate returns the gate of the calls with one key
     */
    public Generation choose(Job job, Provider provider, Access access, Function<Access, Gate> gate) {
        Generation generation = job.generation();
        if (!access.hasSeveral()) {
            return generation;
        }
        List<String> all = inUse(access);
        List<String> wanted = all.stream().filter(token -> !avoided.test(token)
                && !Circuits.isOpen(context, provider.name(), access.endpoint(), token, generation.getModelId())).toList();
        List<String> tokens = wanted.isEmpty() ? all : wanted;
        String chosen;
        if (tokens.isEmpty()) {
            chosen = access.tokens().stream().min(Comparator.comparingLong(token -> since(access, token))).orElseThrow();
        } else {
            int first = Math.floorMod(turn.getAndIncrement(), tokens.size());
            List<String> inTurn = new ArrayList<>(tokens.subList(first, tokens.size()));
            inTurn.addAll(tokens.subList(0, first));
            chosen = inTurn.size() == 1 ? inTurn.get(0) : withRoom(access, inTurn, gate);
        }
        Generation chosenFor = generation.using(Access.nameOf(chosen));
        job.generation(chosenFor, provider);
        return chosenFor;
    }

    private static String withRoom(Access access, List<String> tokens, Function<Access, Gate> gates) {
        String best = null;
        Duration leastWait = null;
        int leastLoad = 0;
        for (String token : tokens) {
            Gate gate = gates.apply(access.only(Access.nameOf(token)));
            Duration wait = gate.busyFor();
            int load = gate.load();
            int later = leastWait == null ? -1 : wait.compareTo(leastWait);
            if (later < 0 || later == 0 && load < leastLoad) {
                best = token;
                leastWait = wait;
                leastLoad = load;
            }
        }
        return best;
    }

    /** Returns the keys that are not set aside. */
    public List<String> inUse(Access access) {
        return access.tokens().stream().filter(token -> refusal(access, token) == null).toList();
    }

    private Refusal refusal(Access access, String token) {
        String key = key(access, token);
        Refusal refusal = refusals.get(key);
        if (refusal != null && System.nanoTime() - refusal.since() > Duration.ofMinutes(ASIDE_MINUTES).toNanos()) {
            refusals.remove(key, refusal);
            return null;
        }
        return refusal;
    }

    private long since(Access access, String token) {
        Refusal refusal = refusals.get(key(access, token));
        return refusal == null ? Long.MIN_VALUE : refusal.since();
    }

    private static String key(Access access, String token) {
        return access.endpoint() + " " + Access.nameOf(token);
    }

    /** Sets a key aside that the service has refused. Logs a warning, once. Does nothing if it is the only one. */
    public void refused(String provider, Access access, String token, int status) {
        if (access.hasSeveral() && refusals.put(key(access, token), new Refusal(status, System.nanoTime())) == null) {
            LOG.warn("{} answered {} to the key {} of {}: it is set aside for {} minutes; {} of {} keys are in use", provider, status,
                    access.shown(token), access.tokenName(), ASIDE_MINUTES, inUse(access).size(), access.tokens().size());
        }
    }

    /** Takes a key back that the service has accepted. */
    public void accepted(String provider, Access access, String token) {
        if (access.hasSeveral() && !refusals.isEmpty() && refusals.remove(key(access, token)) != null) {
            LOG.info("{} accepts the key {} of {} again", provider, access.shown(token), access.tokenName());
        }
    }

    /** Whether a key is not set aside. */
    public boolean isOneLeft(Access access) {
        return !inUse(access).isEmpty();
    }

    /** Returns the keys that are set aside, each by its last four characters and the status, such as {@code …3f9a (401)}; or an empty text. */
    public String setAside(Access access) {
        return !access.hasSeveral() ? "" : access.tokens().stream().filter(token -> refusal(access, token) != null)
                .map(token -> access.shown(token) + " (" + refusals.getOrDefault(key(access, token), new Refusal(0, 0)).status() + ")")
                .collect(Collectors.joining(", "));
    }
}
