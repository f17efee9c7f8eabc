package dev.bactrian.door;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.core.Job;

/**
 * Writes an answer to the client as server-sent events while it arrives. The response begins with the first event, so that a failure
 * before that is an answer with a status of its own.
 */
abstract class EventWriter implements Job.Reader {

    private static final byte[] COMMENT = ":\n\n".getBytes(StandardCharsets.US_ASCII);

    private final Client client;
    private final Map<String, String> headers;
    private final ReentrantLock lock = new ReentrantLock();
    private final boolean keyed;
    private boolean begun;
    private boolean ended;
    private long lastNano = System.nanoTime();

    /**
     * Creates a writer of a response with those headers.
     *
     * @param keyed whether the answer is read to its end even if the client goes away, because it may ask again
     */
    EventWriter(Client client, Map<String, String> headers, boolean keyed) {
        this.client = client;
        this.headers = headers;
        this.keyed = keyed;
    }

    /** Returns whether the response has begun. If it has not, it never will: the answer is written as a whole. */
    final boolean isBegunOrNever() {
        lock.lock();
        try {
            ended |= !begun;
            return begun;
        } finally {
            lock.unlock();
        }
    }

    /** Returns the first event of a response, or null. */
    byte[] first() {
        return null;
    }

    /** Writes the end of a successful answer. */
    abstract void result(JsonNode document) throws InterruptedException;

    /** Writes the end of an answer that broke off. */
    abstract void error(JsonNode document) throws InterruptedException;

    /** Sends an event. Returns false if the client is gone. */
    final boolean send(byte[] event) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            return begin() && write(event) || keyed;
        } finally {
            lock.unlock();
        }
    }

    private boolean begin() throws InterruptedException {
        if (begun) {
            return !ended;
        }
        begun = true;
        client.begin(200, headers);
        byte[] first = first();
        return first == null || write(first);
    }

    private boolean write(byte[] bytes) throws InterruptedException {
        lastNano = System.nanoTime();
        return client.write(bytes);
    }

    /** Ends the response. */
    final void end() {
        lock.lock();
        try {
            ended = true;
            client.end();
        } finally {
            lock.unlock();
        }
    }

    /** Sends a comment if nothing was sent for that time, so that no proxy takes the connection for dead. Never waits. */
    final void comment(long silenceMillis) throws InterruptedException {
        if (!lock.tryLock()) {
            return;
        }
        try {
            if (!ended && !client.isBehind() && System.nanoTime() - lastNano >= TimeUnit.MILLISECONDS.toNanos(silenceMillis) && begin()) {
                write(COMMENT);
            }
        } finally {
            lock.unlock();
        }
    }
}
