package dev.bactrian.standalone;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.stream.Stream;

import dev.bactrian.config.Settings;
import dev.bactrian.ledger.Spending;
import dev.bactrian.ledger.Spending.Item;
import dev.bactrian.ledger.Spending.Sum;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class CostsTest {

    @TempDir
    Path folder;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void printsASumALineAndTheTotals() {
        Map<Item, Sum> sums = Map.of(
                new Item(LocalDate.of(2026, 11, 27), "upstage", "solar-mini4", "", "ab12", "USD"), new Sum(new BigDecimal("0.00042"), 3),
                new Item(LocalDate.of(2026, 11, 26), "upstage", "solar-mini4", "team", "cd34", "USD"), new Sum(new BigDecimal("10"), 1200),
                new Item(LocalDate.of(2026, 11, 27), "replicate", "owner/name", "", "none", "EUR"), new Sum(new BigDecimal("0.50"), 1));

        assertThat(Costs.table(sums)).isEqualTo("""
                day (UTC)   provider   model        account  key   requests         cost
                2026-11-26  upstage    solar-mini4  team     cd34      1200    10.00 USD
                2026-11-27  replicate  owner/name   -        none         1     0.50 EUR
                2026-11-27  upstage    solar-mini4  -        ab12         3  0.00042 USD
                total                                                     1     0.50 EUR
                total                                                  1203  10.00042 USD
                """.replace("     cost", "      cost").replace("   10.00 USD", "    10.00 USD").replace("    0.50 EUR", "     0.50 EUR")
                .replace("  0.00042 USD", "   0.00042 USD"));
        assertThat(Costs.table(Map.of())).isEqualTo("nothing is recorded\n");
    }

    private int run(String settings, String... args) throws Exception {
        Properties system = new Properties();
        system.setProperty("bactrian.config", Files.writeString(folder.resolve("bactrian.properties"), settings).toString());
        system.setProperty("bactrian.data-dir", folder.resolve("data").toString());
        out.reset();
        err.reset();
        return Costs.run(List.of(args), Map.of(), system, new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8));
    }

    private String prints(String settings, String... args) throws Exception {
        assertThat(run(settings, args)).as("%s", err).isZero();
        assertThat(err.toString(StandardCharsets.UTF_8)).isEmpty();
        return out.toString(StandardCharsets.UTF_8);
    }

    private void spend(Map<String, String> settings, LocalDate day, String amount) {
        Spending spending = Spending.open(Settings.of(settings));
        spending.add(new Item(day, "upstage", "solar-mini4", "", "ab12", "USD"), new BigDecimal(amount));
        spending.stop();
    }

    @Test
    void anEmptyLedgerHoldsNothingAndIsNotMade() throws Exception {
        assertThat(prints("")).isEqualTo("nothing is recorded\n");
        assertThat(folder.resolve("data")).doesNotExist();
    }

    @Test
    void filesArePrintedForTheDaysThatAreAskedFor() throws Exception {
        Map<String, String> files = Map.of("bactrian.data-dir", folder.resolve("data").toString());
        spend(files, LocalDate.of(2026, 11, 27), "0.25");
        spend(files, LocalDate.of(2026, 10, 1), "3");

        // The service has keys of providers that its own catalogue adds.
        assertThat(prints("bactrian.groq.api-key = gsk_0123456789\n").lines()).hasSize(4).last().asString().endsWith("2  3.25 USD");
        assertThat(prints("", "2026-11").lines()).hasSize(3).last().asString().endsWith("1  0.25 USD");
        assertThat(prints("", "2026").lines()).hasSize(4);
        assertThat(prints("", "2026-11-26")).isEqualTo("nothing is recorded\n");
    }

    @Test
    void aDatabaseIsPrintedWithItsUser() throws Exception {
        String url = "jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1";
        spend(Map.of("bactrian.ledger", url, "bactrian.ledger.user", "sa"), LocalDate.of(2026, 11, 27), "0.25");

        assertThat(prints("bactrian.ledger = " + url + "\nbactrian.ledger.user = sa\n", "2026-11-27").lines()).hasSize(3)
                .last().asString().endsWith("1  0.25 USD");
    }

    static Stream<Arguments> faults() {
        return Stream.of(
                Arguments.of("", List.of("november"), "costs: 'november' is not a day, month or year such as 2026-11-27, 2026-11 or 2026"),
                Arguments.of("", List.of("--help"), "costs: '--help' is not a day"),
                Arguments.of("", List.of("2026-11", "2026-12"), "costs takes one argument, not 2"),
                Arguments.of("bactrian.ledger = #bean:repository", List.of(), "bactrian.ledger: '#bean:repository' is a bean of an application"),
                Arguments.of("bactrian.ledger = jdbc:none:here", List.of(), "bactrian.ledger: "),
                Arguments.of("bactrian.ledgre = x", List.of(), "bactrian.ledgre: no such property; did you mean bactrian.ledger?"));
    }

    @ParameterizedTest
    @MethodSource("faults")
    void whatIsWrongIsOneLine(String settings, List<String> args, String message) throws Exception {
        assertThat(run(settings, args.toArray(String[]::new))).isEqualTo(2);

        assertThat(out.toString(StandardCharsets.UTF_8)).isEmpty();
        assertThat(err.toString(StandardCharsets.UTF_8).lines()).singleElement().asString().startsWith("bactrian: " + message);
    }

    @Test
    void aLedgerThatCannotBeReadIsOneLine() throws Exception {
        Files.createDirectories(folder.resolve("data"));
        Files.writeString(folder.resolve("data/costs"), "not a folder");

        assertThat(run("")).isEqualTo(2);
        assertThat(err.toString(StandardCharsets.UTF_8).lines()).singleElement().asString().contains("costs");
    }
}
