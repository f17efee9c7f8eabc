package dev.bactrian.limit;

/** How many tokens the calls of a model take, learned from recent ones. Not thread-safe. */
final class TokenUse {

    /** For a model without an answer yet. */
    private static final double FIRST_ANSWER = 1000;
    private static final double FIRST_PER_BYTE = 1 / 3.0;
    private static final double WEIGHT = 1 / 16.0;
    private static final double FORGET = 0.995;
    private static final double LONGEST = 1e9;

    private double perByte = FIRST_PER_BYTE;
    private double answer = FIRST_ANSWER;
    private double deviation;
    private double longest;
    private boolean known;

    /**
     * Returns how many tokens a call is likely to take, rather more than fewer.
     *
     * @param bytes the size of its body
     * @param most  the maximum length of the answer in tokens; 0 or less if it is not limited
     */
    long estimate(long bytes, long most) {
        double likely = answer + 2 * deviation;
        return (long) Math.ceil(Math.min(LONGEST, bytes * perByte + (most > 0 ? Math.min(most, likely) : likely)));
    }

    /** Returns by how much a long answer exceeds the likely one. */
    long reserve(long most) {
        return (long) Math.max(0, (most > 0 ? Math.min(most, longest) : longest) - answer - 2 * deviation);
    }

    /** Learns from the usage of an answered call. */
    void learn(long bytes, long prompt, long completion) {
        double ratio = Math.min(LONGEST, Math.max(0, prompt)) / Math.max(1, bytes);
        double length = Math.min(LONGEST, Math.max(0, completion));
        longest = Math.max(length, longest * FORGET);
        deviation += known ? WEIGHT * (Math.abs(length - answer) - deviation) : length / 4;
        answer = known ? answer + WEIGHT * (length - answer) : length;
        perByte = known ? Math.max(ratio, perByte + WEIGHT * (ratio - perByte)) : ratio;
        known = true;
    }
}
