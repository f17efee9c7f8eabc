package dev.bactrian.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

/** What records in any database do. */
abstract class JdbcRecordsContract extends RecordsContract {

    /** The URL of a database that is empty. */
    abstract String emptyDatabase();

    /** Opens the records in that database. */
    abstract JdbcRecords open(String url);

    @Test
    void instancesThatStartAtOnceMakeTheTableOnce() throws Exception {
        for (int round = 0; round < 3; round++) {
            String url = emptyDatabase();
            List<JdbcRecords> instances = Stream.generate(() -> open(url)).limit(4).toList();
            try {
                List<String> before = atOnce(instances.stream().<Callable<String>>map(instance -> () -> {
                    instance.start();
                    return instance.putIfAbsent("cat-1", "p1");
                }).toList());

                assertThat(before).containsOnlyOnce((String) null);
            } finally {
                instances.forEach(Records::stop);
            }
        }
    }
}
