package dev.bactrian.core;

import com.fasterxml.jackson.databind.JsonNode;

/** The part of a provider's answer that has arrived. */
public interface PartialAnswer {

    /** Returns the text that has arrived; empty if there is none. */
    String text();

    /** Returns the number of chunks that have arrived. */
    int count();

    /** Whether something of the answer was passed on. */
    default boolean isPassedOn() {
        return count() > 0;
    }

    /** Returns the usage that the provider has reported, such as {@code {"prompt_tokens": 3, …}}, or null. */
    default JsonNode usage() {
        return null;
    }
}
