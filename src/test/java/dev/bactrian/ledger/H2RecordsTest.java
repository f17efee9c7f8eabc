package dev.bactrian.ledger;

import java.nio.file.Path;
import java.util.UUID;

import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.io.TempDir;

/** Records in H2, in a file and in memory. */
class H2RecordsTest {

    @Nested
    class InAFile extends JdbcRecordsContract {
        @TempDir
        Path folder;

        @Override
        String emptyDatabase() {
            return "jdbc:h2:file:" + folder.resolve(UUID.randomUUID().toString());
        }

        @Override
        JdbcRecords open(String url) {
            return Database.open(url, "sa", "");
        }

        @Override
        Records open() {
            return open("jdbc:h2:file:" + folder.resolve("ledger"));
        }
    }

    @Nested
    class InMemory extends JdbcRecordsContract {
        private final String url = emptyDatabase();

        @Override
        String emptyDatabase() {
            return "jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1";
        }

        @Override
        JdbcRecords open(String url) {
            return Database.open(url, null, null);
        }

        @Override
        Records open() {
            return open(url);
        }
    }
}
