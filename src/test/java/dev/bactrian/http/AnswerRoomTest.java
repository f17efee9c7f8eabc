package dev.bactrian.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import dev.bactrian.http.AnswerRoom.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What fits, what waits, and what never can. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class AnswerRoomTest {

    private static final int MB = 1024 * 1024;

    private final AnswerRoom room = new AnswerRoom(4 * MB, 64 * MB);

    /** An answer that no exchange reads: it is let go when it is closed. */
    private AnswerRoom.Place answer(Kind kind) {
        return room.place(kind, () -> false);
    }

    private static CompletableFuture<Void> hold(AnswerRoom.Place place, long bytes) {
        return CompletableFuture.runAsync(() -> {
            try {
                place.hold(bytes);
            } catch (IOException e) {
                throw new IllegalStateException(e.getMessage());
            }
        });
    }

    @Test
    void theOldestMayFillItAndTheOthersWaitUntilItIsDelivered() throws IOException {
        AnswerRoom.Place oldest = answer(Kind.STREAM);
        AnswerRoom.Place other = answer(Kind.STREAM);
        oldest.hold(MB);
        other.hold(MB);

        CompletableFuture<Void> more = hold(other, 2 * MB);
        oldest.hold(4 * MB);
        assertThat(more).as("the other's").isNotDone();
        oldest.close();
        more.join();

        assertThat(room.held()).isEqualTo(2 * MB);
        other.close();
        assertThat(room.held()).isZero();
    }

    /** Its request has come to an end without its being closed, by an exhausted heap say. */
    @Test
    void anAnswerThatNobodyHasClosedHoldsNoneUp() throws IOException {
        AnswerRoom.Share left = room.open();
        room.new Place(left, false, Kind.STREAM, () -> false).hold(MB);
        left.release();
        AnswerRoom.Place next = answer(Kind.STREAM);

        hold(next, 4 * MB).join();

        assertThat(room.held()).isEqualTo(4 * MB);
    }

    @Test
    void smallAnswersNeverWait() throws IOException {
        AnswerRoom.Place oldest = answer(Kind.STREAM);
        oldest.hold(4 * MB);

        for (int i = 0; i < 100; i++) {
            answer(Kind.CALL).hold(AnswerRoom.FREE);
        }
        assertThat(room.held()).isEqualTo(4 * MB);
    }

    @Test
    void anAnswerThatCanNeverFitIsRefusedByName() {
        assertThatThrownBy(() -> answer(Kind.CALL).hold(5 * MB)).isInstanceOf(ResponseTooLargeException.class)
                .hasMessageContaining("bactrian.max-answers-bytes (4194304 bytes)");
    }

    @Test
    void aPollThatFindsNoRoomIsToBeMadeAgain() throws IOException {
        answer(Kind.STREAM).hold(4 * MB);
        AnswerRoom.Place poll = answer(Kind.POLL);

        assertThatThrownBy(() -> poll.hold(2 * MB)).isInstanceOf(NoRoomException.class).hasMessageContaining("bactrian.max-answers-bytes");
        poll.close();
        assertThat(room.held()).isEqualTo(4 * MB);
    }

    @Test
    void whoWaitsIsCutWithItsConnection() throws IOException {
        answer(Kind.STREAM).hold(4 * MB);
        AtomicBoolean cut = new AtomicBoolean();
        CompletableFuture<Void> waiting = hold(room.place(Kind.STREAM, cut::get), 2 * MB);

        cut.set(true);
        await().until(waiting::isCompletedExceptionally);
        assertThat(room.held()).isEqualTo(4 * MB);
    }
}
