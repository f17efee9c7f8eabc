package dev.bactrian.simulator;

import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A limit as the services keep it: so many calls of some kinds from one token, and for chats of one model, from the first of
 * them until a time is over. Safe to use from any thread.
 */
final class Limit {

    /** What is left for one key. */
    private static final class Left {
        private int calls;
        private long until;
    }

    private final int calls;
    private final long nanos;
    private final boolean silent;
    private final Set<Call> kinds;
    private final Map<String, Left> keys = new HashMap<>();

    /** A silent one says nothing of itself: no headers, and no wait in its 429. */
    Limit(int calls, Duration time, boolean silent, Set<Call> kinds) {
        this.calls = calls;
        this.nanos = time.toNanos();
        this.silent = silent;
        this.kinds = kinds;
    }

    boolean isOf(Call call) {
        return kinds.contains(call);
    }

    /**
     * What a call leaves of it.
     *
     * @param remaining calls, less than 0 where this one is too many
     * @param reset     the time until it counts anew, rounded up to a millisecond
     */
    record State(int remaining, Duration reset) {
    }

    synchronized State take(String key) {
        long now = System.nanoTime();
        Left left = keys.computeIfAbsent(key, none -> new Left());
        if (left.until - now <= 0) {
            left.calls = calls;
            left.until = now + nanos;
        }
        left.calls = Math.max(-1, left.calls - 1);
        return new State(left.calls, Duration.ofMillis((left.until - now + 999_999) / 1_000_000));
    }

    /** The headers that go with an answer (PROVIDERS.md 1.9 and 3.7). */
    Map<String, String> headers(State state, boolean upstage) {
        Map<String, String> headers = new LinkedHashMap<>();
        if (silent) {
            return headers;
        }
        String remaining = Integer.toString(Math.max(0, state.remaining()));
        if (upstage) {
            String epoch = Long.toString((System.currentTimeMillis() + state.reset().toMillis() + 999) / 1000);
            headers.put("X-Upstage-RateLimit-Limit-Requests", Integer.toString(calls));
            headers.put("X-Upstage-RateLimit-Remaining-Requests", remaining);
            headers.put("X-Upstage-RateLimit-Reset-Requests", epoch);
            if (state.remaining() < 0) {
                headers.put("X-Upstage-RateLimit-Retry-After-Requests", epoch);
            }
        } else {
            headers.put("ratelimit-remaining", remaining);
            headers.put("ratelimit-reset", Long.toString(seconds(state)));
        }
        return headers;
    }

    /** The answer to a call that is too many. */
    PreparedResponse refusal(State state, boolean upstage) {
        if (upstage) {
            return UpstageApi.error(429, "too many requests", "rate_limit_error", "too_many_requests").with(headers(state, true));
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
