package dev.bactrian.door;

import java.time.Duration;
import java.util.Map;

import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** The client of a call: its request, and the response that is written to it while the answer arrives. Thread-safe. */
interface Client {

    /**
     * Returns the client of a message that a platform-http consumer has made.
     *
     * @param patience after how long without reading a client is gone
     * @throws IllegalArgumentException if the message is of another component
     */
    static Client of(Message message, Duration patience) {
        if (message.getHeader(Exchange.HTTP_SERVLET_REQUEST) != null) {
            return new ServletClient(message);
        }
        return VertxClient.of(message, patience);
    }

    /** Returns the value of a header of the request, or null. Several are joined by commas, so that none of them is a key or a host. */
    String header(String name);

    /** Returns the first value of a field of the form that is the body, or null. */
    String field(String name);

    /** Returns the method of the request. */
    String method();

    /** Whether the request has come to an address of this machine that other machines cannot reach. */
    boolean isOnLoopback();

    /** Sends the status and the headers of a response whose length is not known. */
    void begin(int status, Map<String, String> headers);

    /**
     * Sends bytes of the response, in order. Waits while the client reads slower than they come.
     *
     * @return false if the client is gone
     */
    boolean write(byte[] bytes) throws InterruptedException;

    /** Whether something that was written has not left yet. */
    boolean isBehind();

    /** Ends a response that was begun, after what was written. */
    void end();

    /** Runs the task once, when the client goes away before the response is ended. */
    void onGone(Runnable task);
}
