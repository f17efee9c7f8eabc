package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

import dev.bactrian.config.Property;
import dev.bactrian.ledger.PostgreSql;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Simulator;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The version before and this one, in either order: what one has begun the other finishes, and nothing is paid for twice.
 * {@code -Dbactrian.test.before=} names the jar of the version before.
 */
@EnabledIfSystemProperty(named = "bactrian.test.before", matches = ".+")
@ExtendWith(PostgreSql.Installed.class)
@Timeout(400)
class UpgradeIT extends QueueEndToEnd {

    private static final int FILES = 20;
    private static final int MESSAGES = 100;
    private static final Duration A_ROUND = Duration.ofSeconds(90);

    private final PostgreSql postgres;
    /** Where the ledger is; null for files. */
    private String database;

    UpgradeIT(PostgreSql postgres) {
        this.postgres = postgres;
    }

    @Override
    Simulator simulator() {
        return Simulator.builder().polls(8).pause(Duration.ofMillis(20)).start();
    }

    private ServiceProcess.Builder with(boolean before, ServiceProcess.Builder service) {
        service.set("camel.main.shutdown-timeout", "2");
        if (database != null) {
            service.set(Property.LEDGER, database).set(Property.LEDGER_USER, PostgreSql.USER).set(Property.LEDGER_PASSWORD, PostgreSql.PASSWORD);
        }
        return before ? service.jar(Path.of(System.getProperty("bactrian.test.before")).toAbsolutePath()) : service;
    }

    /** How many predictions the ledger remembers. */
    private int inLedger() {
        if (database == null) {
            return remembered(folder).size();
        }
        try (Connection connection = DriverManager.getConnection(database, PostgreSql.USER, PostgreSql.PASSWORD);
                ResultSet rows = connection.createStatement().executeQuery("SELECT count(*) FROM bactrian_ledger WHERE entry_key NOT LIKE '%=%'")) {
            rows.next();
            return rows.getInt(1);
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    private static void end(ServiceProcess service, boolean killed) {
        if (killed) {
            service.kill();
        } else {
            assertThat(service.sigterm().awaitExit(SOON)).isEqualTo(143);
        }
    }

    @ParameterizedTest(name = "before first {0}, killed {1}, database {2}")
    @CsvSource({"true, true, false", "true, false, false", "true, true, true", "true, false, true", "false, true, false", "false, false, true"})
    void theOneAfterTheOther(boolean beforeFirst, boolean killed, boolean inDatabase) {
        database = inDatabase ? postgres.database() : null;
        ServiceProcess first = run(with(beforeFirst, service().set(Property.REPLICATE_POLL_DELAY, "700ms")));
        for (int i = 0; i < FILES; i++) {
            drop("picture-" + i + ".json", PICTURE);
        }
        await("all are under way").atMost(SOON).until(() -> inLedger() == FILES);
        end(first, killed);
        assertThat(emitted()).hasSize(FILES - inLedger()).hasSizeLessThan(FILES);

        run(with(!beforeFirst, service()));
        await("done").atMost(SOON).until(() -> done().size() + failed().size() == FILES);

        assertThat(failed()).isEmpty();
        assertThat(emitted()).hasSize(FILES);
        Set<String> predictions = new HashSet<>();
        for (int i = 0; i < FILES; i++) {
            predictions.add(result("picture-" + i).path("prediction").path("id").asText());
        }
        assertThat(predictions).hasSize(FILES);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(FILES);
        assertThat(simulator.count(Call.CANCEL)).isZero();
        await("forgotten").atMost(SOON).until(() -> inLedger() == 0);
    }

    /** The requests of which that instance has said so. */
    private static Set<String> requests(ServiceProcess service, String what) {
        return service.out().stream().filter(line -> line.contains(": " + what))
                .map(line -> line.replaceFirst(".* - ([^:]*): .*", "$1")).collect(Collectors.toSet());
    }

    private static Set<String> begunAndEnded(ServiceProcess one, ServiceProcess other) {
        // The version before says "taken".
        Set<String> both = requests(one, "taken");
        both.addAll(requests(one, "admitted"));
        both.retainAll(requests(other, "succeeded"));
        return both;
    }

    @ParameterizedTest(name = "before leaves {0}, killed {1}, database {2}")
    @CsvSource({"true, true, false", "true, false, true", "false, true, true", "false, false, false"})
    void sideBySide(boolean beforeLeaves, boolean killed, boolean inDatabase) {
        database = inDatabase ? postgres.database() : null;
        ServiceProcess leaves = run(with(beforeLeaves, queueService().set(Property.REPLICATE_POLL_DELAY, "300ms")));
        ServiceProcess stays = run(with(!beforeLeaves, queueService().set(Property.REPLICATE_POLL_DELAY, "300ms")));
        sendMore(MESSAGES);
        awaitAll(A_ROUND);
        assertThat(begunAndEnded(leaves, stays)).isNotEmpty();
        assertThat(begunAndEnded(stays, leaves)).isNotEmpty();

        sendMore(MESSAGES);
        // A create that a kill cuts off is made again: that is no matter of versions.
        await("begun").atMost(SOON).pollInterval(Duration.ofMillis(10)).until(() -> simulator.count(Call.CREATE) > pictures.size() / 2 + 10
                && (!killed || client.depth(REQUESTS) == 0));
        end(leaves, killed);

        oneResultEach(A_ROUND);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(pictures.size());
        assertThat(simulator.count(Call.CANCEL)).isZero();
        await("forgotten").atMost(SOON).until(() -> inLedger() == 0);
        for (ServiceProcess service : List.of(leaves, stays)) {
            assertThat(service.out()).noneMatch(line -> line.contains(" ERROR ") || line.startsWith("\tat "));
            assertThat(service.err()).isEmpty();
        }
    }
}
