package dev.bactrian.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Records in PostgreSQL, which goes away and comes back. */
@Tag("slow")
@ExtendWith(PostgreSql.Installed.class)
class PostgreSqlRecordsTest extends JdbcRecordsContract {

    private final PostgreSql postgres;
    private final String url;

    PostgreSqlRecordsTest(PostgreSql postgres) {
        this.postgres = postgres;
        this.url = postgres.database();
    }

    @Override
    String emptyDatabase() {
        return postgres.database();
    }

    @Override
    JdbcRecords open(String url) {
        return Database.open(url, PostgreSql.USER, PostgreSql.PASSWORD);
    }

    @Override
    Records open() {
        return open(url);
    }

    @Test
    void aDatabaseThatWentAndCameIsUsedByTheNextCall() throws Exception {
        // As many connections as there may be, all of which break.
        atOnce(IntStream.range(0, 12).<Callable<String>>mapToObj(i -> () -> records.putIfAbsent("cat-" + i, "p" + i)).toList());
        for (int times = 0; times < 3; times++) {
            postgres.stop();
            postgres.start();

            assertThat(records.getState("cat-3")).isEqualTo("p3");
        }
        postgres.stop();
        postgres.start();
        assertThat(records.putIfAbsent("cat-3", "p")).isEqualTo("p3");
        assertThat(records.putIfAbsent("cat-x", "p")).isNull();
    }

    @Test
    void aDatabaseThatIsAwayIsAnErrorSoonAndIsUsedOnceItIsThere() {
        records.setState("cat-1", "p1");
        postgres.stop();
        try {
            long begun = System.nanoTime();
            assertThatThrownBy(() -> records.getState("cat-1")).isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("refused").message().hasLineCount(1);
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(10));
        } finally {
            postgres.start();
        }
        assertThat(records.getState("cat-1")).isEqualTo("p1");
    }

    @Test
    void aDatabaseThatIsAwayAtTheStartGetsItsTableOnceItIsThere() {
        String empty = postgres.database();
        JdbcRecords early = open(empty);
        postgres.stop();
        try {
            early.start();
        } finally {
            postgres.start();
        }
        assertThat(early.putIfAbsent("cat-1", "p1")).isNull();
        early.stop();
    }

    @Test
    void aUserWhoMayNotMakeATableUsesTheOneThatIsThere() {
        user("reader");
        postgres.execute(url, "GRANT SELECT, INSERT, UPDATE, DELETE ON bactrian_ledger TO reader");
        JdbcRecords restricted = Database.open(url, "reader", PostgreSql.PASSWORD);
        restricted.start();

        assertThat(restricted.putIfAbsent("cat-1", "p1")).isNull();
        assertThat(records.getState("cat-1")).isEqualTo("p1");
        restricted.stop();
    }

    @Test
    void aTableThatCannotBeCreatedIsAnErrorWithItsReason() {
        String empty = postgres.database();
        user("nobody");
        postgres.execute(empty, "REVOKE ALL ON SCHEMA public FROM PUBLIC");
        JdbcRecords restricted = Database.open(empty, "nobody", PostgreSql.PASSWORD);
        restricted.start();

        assertThatThrownBy(() -> restricted.getState("cat-1")).isInstanceOf(IllegalStateException.class).message().hasLineCount(1);
        postgres.execute(empty, "GRANT ALL ON SCHEMA public TO nobody");
        assertThat(restricted.getState("cat-1")).isNull();
        restricted.stop();
    }

    private void user(String name) {
        postgres.execute(url, "CREATE ROLE " + name + " LOGIN PASSWORD '" + PostgreSql.PASSWORD + "'");
    }
}
