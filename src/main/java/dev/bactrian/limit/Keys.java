package dev.bactrian.limit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.bactrian.core.Job;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.slf4j.Logger;

/**
 * Chooses among the several keys of a provider: the one with room. A key that the service refuses (401, 402, 403) is set aside for
 * {@value #ASIDE_MINUTES} minutes, or until the service accepts it again: for all calls, or for those to one model if a 403 is not about
 * the key itself. Thread-safe.
 */
public final class Keys {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.limit");
    private static final int ASIDE_MINUTES = 10;

    private record Refusal(int status, long since) {
    }

    /** By endpoint and key, and by the model that a key is refused for. */
    private final Map<String, Refusal> refusals = new ConcurrentHashMap<>();
    private final AtomicInteger turn = new AtomicInteger();
    private final CamelContext context;
    private volatile KeyBudgets budgets = new KeyBudgets() {
        @Override
        public boolean isSpent(String token) {
            return false;
        }

        @Override
        public boolean hold(Job job, String token, boolean required) {
            return true;
        }
    };

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

    /** The budgets of single keys. */
    public interface KeyBudgets {

        /** Whether the budget of a key is spent, or will be by the requests in work. */
        boolean isSpent(String token);

        /**
         * Counts the request towards the budget of a key, if that has room for it.
         *
         * @param required whether there is no other key
         * @return whether there is room
         * @throws GenerationFailure {@code budget-exceeded} if there is none and the key is required
         */
        boolean hold(Job job, String token, boolean required);
    }

    /** A key is chosen for a request only if its budget has room, as long as there is another one. */
    public void spend(KeyBudgets ofKeys) {
        budgets = ofKeys;
    }

    /** Whether the status means that the service does not take the key. */
    public static boolean isRefusal(int status) {
        return status == 401 || status == 402 || status == 403;
    }

    /**
     * Chooses the key for the calls of a request, if there are several, and returns the request with it. If all are set aside, the one
     * that was refused first is tried again, of those whose budget is not spent.
     *
     * @param gate returns the gate of the calls with one key
     * @throws GenerationFailure {@code budget-exceeded} if no key that is left has room in its budget
     */
    public Generation choose(Job job, Provider provider, Access access, Function<Access, Gate> gate) {
        Generation generation = job.generation();
        if (!access.hasSeveral()) {
            return generation;
        }
        String model = generation.getModelId();
        List<String> all = inUse(access, model);
        // Its own likely cost may be all that a key's budget still had room for.
        List<String> wanted = all.stream().filter(token -> (Access.nameOf(token).equals(generation.token()) || !budgets.isSpent(token))
                && !Circuits.isOpen(context, provider.name(), access.endpoint(), token, model)).toList();
        List<String> tokens = wanted.isEmpty() ? all : wanted;
        String chosen;
        if (tokens.isEmpty()) {
            List<String> affordable = access.tokens().stream().filter(token -> !budgets.isSpent(token)).toList();
            chosen = (affordable.isEmpty() ? access.tokens() : affordable).stream()
                    .min(Comparator.comparingLong(token -> since(access, token, model))).orElseThrow();
            budgets.hold(job, chosen, true);
        } else {
            int first = Math.floorMod(turn.getAndIncrement(), tokens.size());
            List<String> inTurn = new ArrayList<>(tokens.subList(first, tokens.size()));
            inTurn.addAll(tokens.subList(0, first));
            chosen = affordable(job, access, inTurn, gate);
        }
        Generation chosenFor = generation.using(Access.nameOf(chosen));
        job.generation(chosenFor, provider);
        return chosenFor;
    }

    /** Returns the key whose limit has most room among those whose budget has room; the last one in any case. */
    private String affordable(Job job, Access access, List<String> tokens, Function<Access, Gate> gate) {
        List<String> left = new ArrayList<>(tokens);
        while (true) {
            String best = left.size() == 1 ? left.get(0) : withRoom(access, left, gate);
            if (budgets.hold(job, best, left.size() == 1) || left.size() == 1) {
                return best;
            }
            left.remove(best);
        }
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

    /** Returns the keys that are not set aside for calls to that model. */
    public List<String> inUse(Access access, String model) {
        return access.tokens().stream().filter(token -> refusal(access, token, model) == null).toList();
    }

    private Refusal refusal(Access access, String token, String model) {
        Refusal refusal = refusal(key(access, token));
        return refusal != null || model == null ? refusal : refusal(key(access, token) + " " + model);
    }

    private Refusal refusal(String key) {
        Refusal refusal = refusals.get(key);
        if (refusal != null && System.nanoTime() - refusal.since() > Duration.ofMinutes(ASIDE_MINUTES).toNanos()) {
            refusals.remove(key, refusal);
            return null;
        }
        return refusal;
    }

    private long since(Access access, String token, String model) {
        Refusal refusal = refusal(access, token, model);
        return refusal == null ? Long.MIN_VALUE : refusal.since();
    }

    private static String key(Access access, String token) {
        return access.endpoint() + " " + Access.nameOf(token);
    }

    /**
     * Sets a key aside that the service has refused. Logs a warning, once. Does nothing if it is the only one.
     *
     * @param model the only model that it is refused for, or null if it is refused for all
     */
    public void refused(String provider, Access access, String token, String model, int status) {
        String key = key(access, token) + (model == null ? "" : " " + model);
        if (access.hasSeveral() && refusals.put(key, new Refusal(status, System.nanoTime())) == null) {
            LOG.warn("{} answered {} to the key {} of {}: it is set aside for {}{} minutes; {} of {} keys are in use", provider, status,
                    access.shown(token), access.tokenName(), model == null ? "" : model + " for ", ASIDE_MINUTES, inUse(access, model).size(),
                    access.tokens().size());
        }
    }

    /** Takes a key back that the service has accepted. */
    public void accepted(String provider, Access access, String token) {
        if (access.hasSeveral() && !refusals.isEmpty() && refusals.remove(key(access, token)) != null) {
            LOG.info("{} accepts the key {} of {} again", provider, access.shown(token), access.tokenName());
        }
    }

    /** Takes the key of a request back that the service has accepted for the request's model. */
    public void accepted(Job job) {
        Generation generation = job.generation();
        if (!refusals.isEmpty() && generation.token() != null) {
            Access access = job.provider().access(generation.account());
            String token = access.only(generation.token()).token();
            if (refusals.remove(key(access, token) + " " + generation.getModelId()) != null) {
                LOG.info("{} accepts the key {} of {} again for {}", generation.getProvider(), access.shown(token), access.tokenName(),
                        generation.getModelId());
            }
        }
    }

    /** Whether a key is not set aside for calls to that model. */
    public boolean isOneLeft(Access access, String model) {
        return !inUse(access, model).isEmpty();
    }

    /**
     * Returns the keys that are set aside, each by its last four characters and the status, such as {@code …3f9a (401)} or
     * {@code …c07b (403 for llama)}; or an empty text.
     *
     * @param model the model that a key is set aside for, if it is not for all; null for any
     */
    public String setAside(Access access, String model) {
        return !access.hasSeveral() ? "" : access.tokens().stream().flatMap(token -> why(access, token, model).map(why -> access.shown(token)
                + " (" + why + ")")).collect(Collectors.joining(", "));
    }

    /** Returns why a key is set aside, such as {@code 401} or {@code 403 for llama}; an empty text if it is not. */
    public String whyAside(Access access, String token) {
        return !access.hasSeveral() ? "" : why(access, token, null).collect(Collectors.joining(", "));
    }

    private Stream<String> why(Access access, String token, String model) {
        Refusal whole = refusal(access, token, null);
        String start = key(access, token) + " ";
        return whole != null ? Stream.of(Integer.toString(whole.status())) : refusals.keySet().stream()
                .filter(key -> key.startsWith(start) && (model == null || key.equals(start + model))).sorted().flatMap(key ->
                        Stream.ofNullable(refusal(key)).map(refusal -> refusal.status() + " for " + key.substring(start.length())));
    }
}
