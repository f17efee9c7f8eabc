package dev.bactrian.core;

/** The part of a provider's answer that has arrived. */
public interface PartialAnswer {

    /** Returns the text that has arrived; empty if there is none. */
    String text();

    /** Returns the number of chunks that have arrived. */
    int count();
}
