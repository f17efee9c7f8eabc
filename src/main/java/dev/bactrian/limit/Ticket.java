package dev.bactrian.limit;

/**
 * A place in the queue before a {@link Gate}. The oldest request goes first.
 *
 * @param since         when the request was started, in nanoseconds
 * @param number        distinguishes tickets of the same time
 * @param refusalRounds the gate's number of unexplained rounds of refusals when the ticket was issued
 * @param bytes         the size of the body of a call whose tokens are limited, or -1
 * @param most          the maximum length of its answer in tokens, or 0
 */
record Ticket(long since, long number, int refusalRounds, long bytes, long most) implements Comparable<Ticket> {

    @Override
    public int compareTo(Ticket other) {
        long older = since - other.since;
        return older != 0 ? Long.signum(older) : Long.compare(number, other.number);
    }
}
