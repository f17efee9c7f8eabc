package dev.bactrian.routes.replicate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.UUID;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.ledger.PostgreSql;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A request done again by another instance, which shares nothing but the ledger's database, goes on with its prediction. */
class MoneyDatabaseTest {

    private static final String REQUEST = "{\"id\": \"r1\", \"model\": \"gemma-2b\", \"prompt\": \"p\"}";

    /** What holds with any database. */
    abstract static class Database extends RouteTestSupport {

        abstract String url();

        abstract String user();

        abstract String password();

        void startInstance(String name) throws Exception {
            start("bactrian.ledger", url(), "bactrian.ledger.user", user(), "bactrian.ledger.password", password(),
                "bactrian.data-dir", folder.resolve(name).toString(), "camel.main.shutdown-timeout", "1");
        }

        int rows() throws SQLException {
            try (Connection connection = DriverManager.getConnection(url(), user(), password());
                    ResultSet rows = connection.createStatement().executeQuery("SELECT count(*) FROM bactrian_ledger WHERE entry_key NOT LIKE 'taken=%' AND entry_key NOT LIKE 'limit=%'")) {
                rows.next();
                return rows.getInt(1);
            }
        }

        @Test
        void aRequestDoneAgainByAnotherInstanceGoesOnWithItsPrediction() throws Exception {
            startInstance("one");
            simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));
            template().asyncRequestBody("direct:generate", REQUEST, String.class);
            await().until(() -> simulator.count(Call.POLL) > 0);
            stop();
            assertThat(rows()).isEqualTo(1);
            simulator.always(Call.POLL, succeeded("\"paid once\""));

            startInstance("other");
            JsonNode result = generate(REQUEST);

            assertThat(result.path("text").asText()).isEqualTo("paid once");
            assertThat(result.path("prediction").path("id").asText()).isEqualTo("p1");
            assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
            assertThat(folder).isEmptyDirectory();
            await().until(() -> rows() == 0);
            assertThat(takeChunks()).isEqualTo("paid once");
        }
    }

    @Nested
    class InH2 extends Database {
        private final String url = "jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1";

        @Override
        String url() {
            return url;
        }

        @Override
        String user() {
            return "sa";
        }

        @Override
        String password() {
            return "h2_canary";
        }
    }

    @Nested
    @ExtendWith(PostgreSql.Installed.class)
    class InPostgreSql extends Database {
        private final PostgreSql postgres;
        private final String url;

        InPostgreSql(PostgreSql postgres) {
            this.postgres = postgres;
            this.url = postgres.database();
        }

        @Override
        String url() {
            return url;
        }

        @Override
        String user() {
            return PostgreSql.USER;
        }

        @Override
        String password() {
            return PostgreSql.PASSWORD;
        }

        @Test
        void whileTheDatabaseIsAwayNothingIsSentAndAfterwardsAllGoesOn() throws Exception {
            startInstance("one");
            simulator.on(Call.CREATE, created()).always(Call.POLL, succeeded("\"a\""));
            postgres.stop();
            try {
                JsonNode error = generateFails(REQUEST).path("error");

                assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
                assertThat(error.path("retryable").asBoolean()).isTrue();
                assertThat(error.path("message").asText()).contains("bactrian.ledger").doesNotContain(PostgreSql.PASSWORD);
                assertThat(simulator.count(Call.CREATE)).isZero();
            } finally {
                postgres.start();
            }
            assertThat(generate(REQUEST).path("text").asText()).isEqualTo("a");
            assertThat(takeChunks()).isEqualTo("a");
        }

        @Test
        void aDatabaseThatGoesAwayUnderAPredictionCostsNothingTwice() throws Exception {
            startInstance("one");
            simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"a\"").after(Duration.ofSeconds(2)));
            var result = template().asyncRequestBody("direct:generate", REQUEST, String.class);
            await().until(() -> simulator.count(Call.POLL) == 1);

            postgres.stop();
            postgres.start();

            assertThat(result).succeedsWithin(SOON);
            await().until(() -> rows() == 0);
            assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
            assertThat(takeChunks()).isEqualTo("a");
        }
    }
}
