package dev.bactrian.simulator;

import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A rate limit like those of the services: a number of calls of some kinds per token (and per model, for chats) in a time that
 * begins with the first of them. Thread-safe.
 */
final class Limit {

    /** The remaining calls of one key. */
    private static final class Left {
        private int calls;
        private long until;
    }

    private final int calls;
    private final long nanos;
    private final boolean silent;
    private final Set<Call> kinds;
    private final Map<String, Left> keys = new HashMap<>();

    /** Creates a limit. Answers do not mention a {@code silent} one: they have no headers, and a 429 has no wait. */
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
     * The state of the limit after a call.
     *
     * @param remaining the number of remaining calls; negative if this call exceeds the limit
     * @param reset     the time until the limit is reset, rounded up to a millisecond
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

    /** Returns the headers of an answer. */
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

    /** Returns the answer to a call that exceeds the limit. */
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
