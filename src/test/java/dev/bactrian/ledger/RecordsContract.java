package dev.bactrian.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BiFunction;
import java.util.stream.IntStream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What all records do that several processes may share. */
abstract class RecordsContract {

    private final List<Records> opened = new ArrayList<>();
    Records records;

    /** Opens the records of this test, as a process of its own would. */
    abstract Records open();

    /** Opens them once more, and closes them after the test. */
    final Records another() {
        Records another = open();
        opened.add(another);
        another.start();
        return another;
    }

    @BeforeEach
    void openTheFirst() {
        records = another();
    }

    @AfterEach
    void close() {
        opened.forEach(Records::stop);
    }

    /** Does these at the same time, each in a thread. */
    static <T> List<T> atOnce(List<Callable<T>> works) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(works.size());
        try {
            CyclicBarrier start = new CyclicBarrier(works.size());
            List<Future<T>> futures = works.stream().map(work -> threads.submit(() -> {
                start.await();
                return work.call();
            })).toList();
            List<T> results = new ArrayList<>();
            for (Future<T> future : futures) {
                results.add(future.get());
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }

    /** Twelve works at once, every other in another process as it were. */
    private <T> List<T> twelve(Records other, BiFunction<Records, String, T> work) throws Exception {
        return atOnce(IntStream.range(0, 12).<Callable<T>>mapToObj(i -> () -> work.apply(i % 2 == 0 ? records : other, "p" + i)).toList());
    }

    @Test
    void whatNobodySetIsNotThere() {
        assertThat(records.getState("cat-1")).isNull();
    }

    @Test
    void whatWasSetIsThere() {
        records.setState("cat-1", "p1");

        assertThat(records.getState("cat-1")).isEqualTo("p1");
    }

    @Test
    void whatIsSetAgainReplacesWhatWasThere() {
        records.setState("cat-1", "p1");
        records.setState("cat-1", "p2");

        assertThat(records.getState("cat-1")).isEqualTo("p2");
    }

    @Test
    void whatIsForgottenIsGone() {
        records.setState("cat-1", "p1");
        records.setState("cat-1", null);

        assertThat(records.getState("cat-1")).isNull();
    }

    @Test
    void whatWasNeverThereCanBeForgotten() {
        records.setState("cat-1", null);

        assertThat(records.getState("cat-1")).isNull();
    }

    @Test
    void keysAreKeptApart() {
        records.setState("cat-1", "p1");
        records.setState("cat-2", "p2");
        records.setState("Cat-2", "p3");
        records.setState("cat-1", null);

        assertThat(records.getState("cat-2")).isEqualTo("p2");
    }

    @Test
    void whatWasSetOutlivesTheProcess() {
        records.setState("cat-1", "p1");
        records.stop();

        assertThat(another().getState("cat-1")).isEqualTo("p1");
    }

    @Test
    void anotherProcessSeesTheSame() {
        Records other = another();
        records.setState("cat-1", "p1");

        assertThat(other.getState("cat-1")).isEqualTo("p1");
        other.setState("cat-1", null);
        assertThat(records.getState("cat-1")).isNull();
    }

    @Test
    void theLongestKeyThereIsFits() {
        String key = "x".repeat(128) + "-" + "0".repeat(24);

        records.setState(key, "p1");

        assertThat(records.getState(key)).isEqualTo("p1");
    }

    @Test
    void whatIsThereIsNotPutAgain() {
        assertThat(records.putIfAbsent("cat-1", "p1")).isNull();
        assertThat(records.putIfAbsent("cat-1", "p2")).isEqualTo("p1");

        assertThat(records.getState("cat-1")).isEqualTo("p1");
    }

    @Test
    void whatIsGoneCanBePutAgain() {
        records.putIfAbsent("cat-1", "p1");
        records.setState("cat-1", null);

        assertThat(records.putIfAbsent("cat-1", "p2")).isNull();
    }

    @Test
    void ofManyThatPutAtOnceOneIsTheFirstAndAllKnowIt() throws Exception {
        Records other = another();
        for (int round = 0; round < 10; round++) {
            String key = "cat-" + round;
            List<String> before = twelve(other, (mine, value) -> mine.putIfAbsent(key, value));

            assertThat(before).containsOnlyOnce((String) null);
            String winner = "p" + before.indexOf(null);
            assertThat(before).filteredOn(value -> value != null).containsOnly(winner);
            assertThat(records.getState(key)).isEqualTo(winner);
        }
    }

    @Test
    void ofManyThatReplaceAtOnceOneDoes() throws Exception {
        Records other = another();
        for (int round = 0; round < 10; round++) {
            String key = "cat-" + round;
            records.setState(key, "old");
            List<Boolean> done = twelve(other, (mine, value) -> mine.replace(key, "old", value));

            assertThat(done).containsOnlyOnce(true);
            assertThat(records.getState(key)).isEqualTo("p" + done.indexOf(true));
        }
    }

    @Test
    void whatIsNotThereAnyMoreIsNotReplaced() {
        assertThat(records.replace("cat-1", "p1", "p2")).isFalse();
        records.setState("cat-1", "p3");
        assertThat(records.replace("cat-1", "p1", "p2")).isFalse();

        assertThat(records.getState("cat-1")).isEqualTo("p3");
    }

    @Test
    void manyThatSetAtOnceAllSucceed() throws Exception {
        Records other = another();
        List<String> set = twelve(other, (mine, value) -> {
            mine.setState("cat-1", value);
            return value;
        });

        assertThat(records.getState("cat-1")).isIn(set);
    }

    @Test
    void whatIsOldIsForgottenWhereItsKeyBeginsSo() {
        records.setState("a_1", "p1");
        records.setState("a_2", "p2");
        records.setState("ab3", "p3");
        records.setState("x-a_4", "p4");

        records.forgetOlderThan("a_", Duration.ofMinutes(1));
        assertThat(records.getState("a_1")).as("not old yet").isEqualTo("p1");

        await().untilAsserted(() -> {
            records.forgetOlderThan("a_", Duration.ofMillis(50));
            assertThat(records.getState("a_1")).isNull();
            assertThat(records.getState("a_2")).isNull();
        });
        assertThat(records.getState("ab3")).isEqualTo("p3");
        assertThat(records.getState("x-a_4")).isEqualTo("p4");
    }

    @Test
    void whatWasSetAnewIsNotOld() {
        records.setState("a", "p1");
        records.setState("b", "p1");
        await().untilAsserted(() -> {
            records.forgetOlderThan("b", Duration.ofSeconds(1));
            assertThat(records.getState("b")).isNull();
        });

        records.setState("a", "p2");
        records.forgetOlderThan("a", Duration.ofSeconds(1));

        assertThat(records.getState("a")).isEqualTo("p2");
    }
}
