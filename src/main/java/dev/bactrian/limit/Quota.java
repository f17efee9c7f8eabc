package dev.bactrian.limit;

/**
 * What a service's headers say is left of a limit per minute, in calls or tokens: a lower bound, which takes into account that the
 * service may not have counted all calls when it wrote the header, and that answers may overtake each other. Not thread-safe.
 */
final class Quota {

    /** How long to wait for the answer to the one call that is made after the limit is reset. */
    private final long patience;
    private long sent;
    private long counted;
    /** How much may have been sent, as far as is known. */
    private long allowed;
    private boolean known;
    private long reset;
    private long lastBegun;

    /** Creates a quota of which nothing is known. */
    Quota(long patience) {
        this.patience = patience;
    }

    /** Returns how much is left for further calls, which may be negative; {@link Long#MAX_VALUE} if that is unknown. */
    long left() {
        return known ? allowed - sent : Long.MAX_VALUE;
    }

    /** Returns the nanoseconds until a call of that size may be made. After the reset one call may be made, whatever its size. */
    long waitFor(long units, long now) {
        return left() >= units ? 0 : Math.max(0, reset - now);
    }

    /** Whether the quota is used up and the limit was reset since, so that one call may be made. */
    boolean isRenewed(long now) {
        return left() <= 0 && now - reset >= 0;
    }

    /** Adds a call. */
    void go(long units, long now) {
        if (left() < units) {
            reset = now + patience;
            allowed = sent + units;
        }
        sent += units;
    }

    /** Corrects the size of a call that was sent. */
    void correct(long more) {
        sent += more;
    }

    /** Records that the service has counted calls of that size. */
    void counted(long units) {
        counted += units;
    }

    /** Returns the size of the calls that the service has surely counted. */
    long counted() {
        return counted;
    }

    /** Forgets what headers have said. */
    void forget() {
        known = false;
    }

    /**
     * Records the header of an answer.
     *
     * @param left   what is left according to the service
     * @param before the size of the calls that it had surely counted, the answered one included
     * @param again  when the limit is reset
     * @param begun  when the answered call was made
     * @param recent whether that was shortly before
     */
    void told(long left, long before, long again, long begun, boolean recent) {
        allowed = known ? Math.max(allowed, left + before) : left + before;
        if (recent) {
            // Less than our own calls explain: the service counts others, too.
            allowed = Math.min(allowed, left + sent);
        }
        if (!known || begun - lastBegun >= 0) {
            reset = again;
            lastBegun = begun;
        }
        known = true;
    }
}
