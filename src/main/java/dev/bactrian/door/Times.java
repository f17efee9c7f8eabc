package dev.bactrian.door;

import java.time.Duration;

/**
 * How long the door waits for a client.
 *
 * @param head     until the head of the first request of a connection has come
 * @param idle     until the next request of a connection comes
 * @param pause    until more of a body comes
 * @param patience until a client takes more of its answer
 * @param linger   until a connection is closed whose client still sends although it was answered
 * @param silence  until a stream without events gets a comment
 */
record Times(Duration head, Duration idle, Duration pause, Duration patience, Duration linger, Duration silence) {

    static final Times USUAL = new Times(Duration.ofSeconds(10), Duration.ofSeconds(60), Duration.ofSeconds(30), Duration.ofSeconds(60),
            Duration.ofSeconds(2), Duration.ofSeconds(15));
}
