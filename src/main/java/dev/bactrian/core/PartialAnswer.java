package dev.bactrian.core;

/** What has come of a provider's answer so far. */
public interface PartialAnswer {

    /** The text that has come, empty where there is none. */
    String text();

    /** How many pieces of text have come. */
    int count();
}
