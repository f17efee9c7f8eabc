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

    private record Letter(String text, long bytes, long comesAt) {
    }

    private final Map<String, Letter> letters = new LinkedHashMap<>();
    private final long mostBytes;
    private long bytes;

    WebhookStore(long mostBytes) {
        this.mostBytes = mostBytes;
    }

    /** Stores the payload of a prediction. Returns false if there already is one. */
    synchronized boolean put(String prediction, String text, long size) {
        long now = System.nanoTime();
        if (letters.containsKey(prediction)) {
            return false;
        }
        letters.put(prediction, new Letter(text, size, now));
        bytes += size;
        Iterator<Letter> oldest = letters.values().iterator();
        while (oldest.hasNext()) {
            Letter letter = oldest.next();
            if (bytes <= mostBytes && letters.size() <= MOST && now - letter.comesAt() <= LONGEST.toNanos()) {
                break;
            }
            oldest.remove();
            bytes -= letter.bytes();
        }
        return true;
    }

    /** Removes and returns the payload of a prediction, or returns null if there is none. */
    synchronized String take(String prediction) {
        Letter letter = letters.remove(prediction);
        if (letter == null) {
            return null;
        }
        bytes -= letter.bytes();
        return letter.text();
    }

    synchronized int size() {
        return letters.size();
    }
}
