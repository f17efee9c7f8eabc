package dev.bactrian.replicate;

import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What webhooks have told of predictions, until somebody asks: the first word on each, and of all no more than a number
 * of bytes and for ten minutes. What is dropped is found by a poll.
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

    /** Keeps what is told of a prediction. False where something is there already. */
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

    /** What was told of that prediction, once; null where nothing was. */
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
