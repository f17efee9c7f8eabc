package dev.bactrian.limit;

/**
 * A place in the line before a {@link Gate}.
 *
 * @param since  when its request was taken, in nanoseconds: the oldest goes first
 * @param number tells tickets of one time apart
 * @param vain   how often calls had been refused in vain when it was drawn
 */
record Ticket(long since, long number, int vain) implements Comparable<Ticket> {

    @Override
    public int compareTo(Ticket other) {
        long older = since - other.since;
        return older != 0 ? Long.signum(older) : Long.compare(number, other.number);
    }
}
