package dev.bactrian.simulator;

import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A rate limit like those of the services: a number of calls of some kinds, or of the tokens of chats, per token (and per model, for
 * chats) in a time that begins with the first of them. Thread-safe.
 */
final class Limit {

    /** What is left of the limit of one key. */
    private static final class Left {
        private long units;
        private long until;
    }

    private final long units;
    private final long nanos;
    private final boolean silent;
    private final boolean ofTokens;
    private final Set<Call> kinds;
    private final Map<String, Left> keys = new HashMap<>();

    /** Creates a limit. Answers do not mention a {@code silent} one: they have no headers, and a 429 has no wait. */
    Limit(long units, Duration time, boolean silent, boolean ofTokens, Set<Call> kinds) {
        this.units = units;
        this.nanos = time.toNanos();
        this.silent = silent;
        this.ofTokens = ofTokens;
        this.kinds = kinds;
    }

    boolean isOf(Call call) {
        return kinds.contains(call);
    }

    boolean isOfTokens() {
        return ofTokens;
    }

    /**
     * The state of the limit after a call.
     *
     * @param refused   whether the call exceeds the limit; it then takes nothing
     * @param remaining the number of remaining calls or tokens
     * @param reset     the time until the limit is reset, rounded up to a millisecond
     */
    record State(boolean refused, long remaining, Duration reset) {
    }

    synchronized State take(String key, long taken) {
        long now = System.nanoTime();
        Left left = keys.computeIfAbsent(key, none -> new Left());
        if (left.until - now <= 0) {
            left.units = units;
            left.until = now + nanos;
        }
        boolean refused = left.units < taken;
        left.units -= refused ? 0 : taken;
        return new State(refused, left.units, Duration.ofMillis((left.until - now + 999_999) / 1_000_000));
    }

    /** Returns what a refused call has taken from another limit. */
    synchronized void giveBack(String key, long taken) {
        keys.get(key).units += taken;
    }

    /** Returns the headers of an answer. */
    Map<String, String> headers(State state, boolean upstage) {
        Map<String, String> headers = new LinkedHashMap<>();
        if (silent) {
            return headers;
        }
        String remaining = Long.toString(state.refused() && !ofTokens ? 0 : state.remaining());
        if (upstage) {
            String epoch = Long.toString((System.currentTimeMillis() + state.reset().toMillis() + 999) / 1000);
            String of = ofTokens ? "Tokens" : "Requests";
            headers.put("X-Upstage-RateLimit-Limit-" + of, Long.toString(units));
            headers.put("X-Upstage-RateLimit-Remaining-" + of, remaining);
            headers.put("X-Upstage-RateLimit-Reset-" + of, epoch);
            headers.put("X-Upstage-RateLimit-Interval-" + of, Long.toString(Math.max(1, nanos / 1_000_000_000)));
            if (state.refused()) {
                headers.put("X-Upstage-RateLimit-Retry-After-" + of, epoch);
            }
        } else {
            headers.put("ratelimit-remaining", remaining);
            headers.put("ratelimit-reset", Long.toString(seconds(state)));
        }
        return headers;
    }

    /** Returns the answer to a call that exceeds the limit. */
    PreparedResponse refusal(State state, boolean upstage) {
        if (upstage) {
            return UpstageApi.error(429, "too many " + (ofTokens ? "tokens" : "requests"), "rate_limit_error", "too_many_requests").with(headers(state, true));
        }
        var body = Json.object().put("detail", "too many requests" + (silent ? "" : "; resets in ~" + seconds(state) + "s")).put("status", 429);
        if (!silent) {
            body.put("retry_after", seconds(state));
        }
        return PreparedResponse.of(429, "application/problem+json", Json.bytes(body)).with(headers(state, false));
    }

    private static long seconds(State state) {
        return (state.reset().toMillis() + 999) / 1000;
    }
}
