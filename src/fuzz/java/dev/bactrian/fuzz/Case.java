package dev.bactrian.fuzz;

/**
 * Something to be read, and what must be true of it.
 *
 * @param input   the bytes
 * @param check   reads them; throws a {@link Finding} where something does not hold
 * @param shrinks whether the same must hold of other bytes too, so that smaller ones may be tried
 */
record Case(byte[] input, Check check, boolean shrinks) {

    /** What must be true of an input. */
    interface Check {
        void of(byte[] input) throws Exception;
    }

    /** Of these bytes alone. */
    static Case exactly(byte[] input, Check check) {
        return new Case(input, check, false);
    }

    /** Of any bytes. */
    static Case any(byte[] input, Check check) {
        return new Case(input, check, true);
    }
}
