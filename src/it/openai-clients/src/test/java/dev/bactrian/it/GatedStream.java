package dev.bactrian.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import dev.bactrian.simulator.Reply;

/** A chat of four pieces. Its third is written when the client has the first, or 20 s later. */
final class GatedStream {

    static final String TEXT = "Two humps, not one.";
    private static final long LONGEST_WAIT = 20;

    private final CountDownLatch first = new CountDownLatch(1);
    private volatile long firstArrived;
    private volatile long thirdWritten;

    Reply reply() {
        return Reply.stream("Two ", "humps, ", "not ", "one.").pause(Duration.ZERO).chunkListener(this::beforePiece);
    }

    private void beforePiece(int index) {
        if (index == 2) {
            try {
                first.await(LONGEST_WAIT, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            thirdWritten = System.nanoTime();
        }
    }

    /** Takes a piece that has arrived at the client. */
    boolean arrived(String piece) {
        if (firstArrived == 0) {
            firstArrived = System.nanoTime();
            first.countDown();
        }
        return true;
    }

    /** Says how long before the provider wrote the third piece the first was at the client. */
    void assertFirstArrivedBeforeThirdWasWritten() {
        assertThat(firstArrived).as("a piece has arrived").isNotZero();
        assertThat(Duration.ofNanos(thirdWritten - firstArrived)).as("from the first at the client to the third at the provider").isPositive();
    }
}
