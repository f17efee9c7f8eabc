package dev.bactrian.console;

import java.time.Instant;
import java.util.function.LongSupplier;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The figures of the last hour, by minute. Thread-safe; nothing that it does takes long. */
final class Figures {

    private static final int MINUTES = 60;
    private static final long MINUTE = 60_000;
    /** Each class of the histogram is wider than the one before by this factor. */
    private static final double WIDER = 1.2;
    private static final int CLASSES = 100;

    /** One minute. */
    private static final class Minute {
        private long at;
        private int requests;
        private int errors;
        private int inFlight;
        private int firstChunks;
        private int[] histogram;
        private long version;

        void begin(long minute, int now) {
            at = minute;
            requests = 0;
            errors = 0;
            inFlight = now;
            firstChunks = 0;
            histogram = null;
        }
    }

    private final LongSupplier millis;
    private final Minute[] minutes = new Minute[MINUTES];
    private int inFlight;
    private long version;

    Figures() {
        this(System::currentTimeMillis);
    }

    Figures(LongSupplier millis) {
        this.millis = millis;
        for (int i = 0; i < MINUTES; i++) {
            minutes[i] = new Minute();
        }
    }

    private Minute minute() {
        long at = millis.getAsLong() / MINUTE;
        Minute minute = minutes[(int) (at % MINUTES)];
        if (minute.at != at) {
            minute.begin(at, inFlight);
        }
        minute.version = ++version;
        return minute;
    }

    /** Records that a request is in work. */
    synchronized void begun() {
        inFlight++;
        Minute minute = minute();
        minute.inFlight = Math.max(minute.inFlight, inFlight);
    }

    /** Records that a request is not in work any more. */
    synchronized void left() {
        inFlight--;
        minute();
    }

    /** Records the outcome of a request. */
    synchronized void ended(boolean failed) {
        Minute minute = minute();
        minute.requests++;
        minute.errors += failed ? 1 : 0;
    }

    /** Records the time to the first chunk of a request. */
    synchronized void firstChunk(long afterMillis) {
        Minute minute = minute();
        minute.firstChunks++;
        if (minute.histogram == null) {
            minute.histogram = new int[CLASSES];
        }
        minute.histogram[Math.min(CLASSES - 1, (int) Math.round(Math.log(Math.max(1, afterMillis)) / Math.log(WIDER)))]++;
    }

    synchronized long version() {
        return version;
    }

    /**
     * Returns the figures.
     *
     * @param after only the minutes that have changed since that version; all of the last hour if negative
     */
    synchronized ObjectNode json(long after) {
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("inFlight", inFlight);
        ArrayNode list = json.putArray("minutes");
        long now = millis.getAsLong() / MINUTE;
        for (long at = now - MINUTES + 1; at <= now; at++) {
            Minute minute = minutes[(int) (at % MINUTES)];
            if (minute.at == at && minute.version > after) {
                list.add(json(minute));
            } else if (after < 0) {
                list.add(empty(at));
            }
        }
        return json;
    }

    private static ObjectNode json(Minute minute) {
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("at", Instant.ofEpochMilli(minute.at * MINUTE).toString())
                .put("requests", minute.requests).put("errors", minute.errors).put("inFlight", minute.inFlight);
        if (minute.firstChunks > 0) {
            json.putObject("firstChunk").put("count", minute.firstChunks).put("p50Ms", percentile(minute, 0.5)).put("p95Ms", percentile(minute, 0.95));
        }
        return json;
    }

    private ObjectNode empty(long at) {
        return JsonNodeFactory.instance.objectNode().put("at", Instant.ofEpochMilli(at * MINUTE).toString()).put("requests", 0).put("errors", 0)
                .put("inFlight", at == millis.getAsLong() / MINUTE ? inFlight : 0);
    }

    private static long percentile(Minute minute, double share) {
        int rank = (int) Math.ceil(minute.firstChunks * share);
        int seen = 0;
        for (int i = 0; i < CLASSES; i++) {
            seen += minute.histogram[i];
            if (seen >= rank) {
                return Math.round(Math.pow(WIDER, i));
            }
        }
        return 0;
    }
}
