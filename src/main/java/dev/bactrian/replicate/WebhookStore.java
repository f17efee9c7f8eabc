package dev.bactrian.replicate;

import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Webhook payloads by prediction, until they are taken. Keeps the first payload of each prediction for at most ten minutes, and drops the
 * oldest ones beyond a total number of bytes. A poll finds what was dropped.
 */
final class WebhookStore {

    private static final Duration LONGEST = Duration.ofMinutes(10);
    private static final int MOST = 10_000;

    private record Payload(String text, long bytes, long receivedAt) {
    }

    private final Map<String, Payload> payloads = new LinkedHashMap<>();
    private final long mostBytes;
    private long bytes;

    WebhookStore(long mostBytes) {
        this.mostBytes = mostBytes;
    }

    /** Stores the payload of a prediction. Returns false if there already is one. */
    synchronized boolean put(String prediction, String text, long size) {
        long now = System.nanoTime();
        if (payloads.containsKey(prediction)) {
            return false;
        }
        payloads.put(prediction, new Payload(text, size, now));
        bytes += size;
        Iterator<Payload> oldest = payloads.values().iterator();
        while (oldest.hasNext()) {
            Payload payload = oldest.next();
            if (bytes <= mostBytes && payloads.size() <= MOST && now - payload.receivedAt() <= LONGEST.toNanos()) {
                break;
            }
            oldest.remove();
            bytes -= payload.bytes();
        }
        return true;
    }

    /** Removes and returns the payload of a prediction, or returns null if there is none. */
    synchronized String take(String prediction) {
        Payload payload = payloads.remove(prediction);
        if (payload == null) {
            return null;
        }
        bytes -= payload.bytes();
        return payload.text();
    }

    synchronized int size() {
        return payloads.size();
    }
}
