package dev.bactrian.limit;

import java.time.Duration;
import java.util.BitSet;

/** Evenly spaced points in time, each of which is handed out once: the slots of a limit. Not thread-safe. */
final class Slots {

    private static final int KEPT = 4096;

    private final long width;
    private final long origin;
    private final BitSet taken = new BitSet();
    private long first;
    /** The number of bits in {@code taken}. */
    private int count;

    /** Creates slots with that interval. */
    Slots(Duration width, long now) {
        this.width = Math.max(1, width.toNanos());
        origin = now;
    }

    /**
     * Takes the next free slot.
     *
     * @param earliest nanoseconds; now or later
     * @param now      nanoseconds by the same clock
     * @return its time, {@code earliest} or later
     */
    long take(long earliest, long now) {
        forget(now);
        int slot = taken.nextClearBit((int) Math.min(Integer.MAX_VALUE - KEPT, Math.max(0, (earliest - origin) / width - first)));
        taken.set(slot);
        count++;
        return origin + Math.max(earliest - origin, (first + slot) * width);
    }

    /** Returns the number of future slots that are taken. */
    int ahead(long now) {
        forget(now);
        return count;
    }

    private void forget(long now) {
        long current = (now - origin) / width;
        long gone = current - first;
        for (int past = taken.nextSetBit(0); past >= 0 && past < gone; past = taken.nextSetBit(past)) {
            taken.clear(past);
            count--;
        }
        if (gone >= KEPT || gone > 0 && taken.isEmpty()) {
            BitSet rest = gone >= taken.length() ? new BitSet() : taken.get((int) gone, taken.length());
            taken.clear();
            taken.or(rest);
            first = current;
        }
    }
}
