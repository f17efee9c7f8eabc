package dev.bactrian.core;

import org.apache.camel.Exchange;

/** Follows one request from its admission to its delivery. Its methods are called by the threads of the request and must not wait. */
public interface Progress {

    /** Reports that the request waits for room, or for the delay before a retry. */
    void waiting();

    /** Reports that the first call to the provider is made. */
    void calling();

    /** Reports a new state of the provider's work. */
    void polled(Poll state);

    /** Reports a chunk of the text. */
    void chunk(String piece);

    /** Reports the whole text of the result. */
    void text(String whole);

    /** Reports that the outcome is delivered from now on, until the exchange is done. */
    void delivering(Exchange exchange);
}
