package dev.bactrian.door;

/**
 * Who has made a call.
 *
 * @param name  the name of the key, or empty if no keys are set
 * @param admin whether the caller may see and cancel the requests of others
 */
record Caller(String name, boolean admin) {

    /** The caller of a door without keys. */
    static final Caller ANYBODY = new Caller("", true);

    /** Whether the caller may see and cancel a request of the caller with that name. */
    boolean maySee(String owner) {
        return admin || name.equals(owner);
    }
}
