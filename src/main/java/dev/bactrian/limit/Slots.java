package dev.bactrian.limit;

import java.time.Duration;
import java.util.BitSet;

/** Times that are handed out once each, evenly spread: the slots of a limit. Not safe to use from several threads. */
final class Slots {

    private static final int KEPT = 4096;

    private final long width;
    private final BitSet taken = new BitSet();
    private long first;

    /** Slots that are that far apart. */
    Slots(Duration width, long now) {
        this.width = Math.max(1, width.toNanos());
        first = Math.floorDiv(now, this.width);
    }

    /**
     * Takes the next free slot.
     *
     * @param earliest nanoseconds; now or later
     * @param now      nanoseconds by the same clock
     * @return its time, {@code earliest} or later
     */
    long take(long earliest, long now) {
        forget(Math.floorDiv(now, width));
        int slot = taken.nextClearBit((int) Math.min(Integer.MAX_VALUE - KEPT, Math.max(0, Math.floorDiv(earliest, width) - first)));
        taken.set(slot);
        return Math.max(earliest, (first + slot) * width);
    }

    /** How many slots that are still to come are taken. */
    int ahead(long now) {
        forget(Math.floorDiv(now, width));
        return taken.cardinality();
    }

    private void forget(long current) {
        long gone = current - first;
        if (gone >= KEPT || gone > 0 && taken.isEmpty()) {
            BitSet rest = gone >= taken.length() ? new BitSet() : taken.get((int) gone, taken.length());
            taken.clear();
            taken.or(rest);
            first = current;
        } else if (gone > 0) {
            taken.clear(0, (int) gone);
        }
    }
}
