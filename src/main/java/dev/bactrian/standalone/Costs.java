package dev.bactrian.standalone;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.stream.Collectors;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.ledger.Spending;
import dev.bactrian.ledger.Spending.Item;
import dev.bactrian.ledger.Spending.Sum;
import dev.bactrian.text.OneLine;

/**
 * The main class of {@code make costs} and {@code bin/bactrian costs}: prints what was spent, as a table, from the ledger that the
 * configuration names.
 */
public final class Costs {

    private static final List<String> HEAD = List.of("day (UTC)", "provider", "model", "account", "key", "requests", "cost");
    private static final int FIRST_NUMBER = 5;
    private static final String DAYS = "a day, month or year such as 2026-11-27, 2026-11 or 2026";

    private Costs() {
    }

    /**
     * Prints the table. Exits with code 2 and a one-line error if an argument is not a day or the ledger cannot be read.
     *
     * @param args the beginning of the days to print, such as {@code 2026-11} for a month; none for all
     */
    public static void main(String[] args) {
        Bactrian.useIso();
        System.getProperties().putIfAbsent("org.slf4j.simpleLogger.defaultLogLevel", "off");
        int code = run(List.of(args), System.getenv(), System.getProperties(),
                new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8), System.err);
        if (code != 0) {
            System.exit(code);
        }
    }

    /** Prints the table, or the reason why there is none, and returns the exit code. */
    static int run(List<String> args, Map<String, String> environment, Properties system, PrintStream out, PrintStream err) {
        try {
            String days = days(args);
            Map<String, String> properties = Configuration.load(environment, system);
            properties.keySet().removeIf(name -> !name.startsWith(Property.PREFIX));
            Spending spending = Spending.open(Settings.of(properties));
            try {
                out.print(table(spending.read(days)));
            } finally {
                spending.stop();
            }
            return 0;
        } catch (RuntimeException e) {
            err.println("bactrian: " + Bactrian.reason(e));
            return 2;
        }
    }

    private static String days(List<String> args) {
        if (args.size() > 1) {
            throw new IllegalArgumentException("costs takes one argument, not " + args.size() + ": " + DAYS);
        }
        String days = args.isEmpty() ? "" : args.get(0).trim();
        if (!days.isEmpty() && !Spending.isDays(days)) {
            throw new IllegalArgumentException("costs: '" + OneLine.of(days) + "' is not " + DAYS);
        }
        return days;
    }

    /** Returns the table: a line for each sum, in the order of the days, and one for the total of each currency. */
    static String table(Map<Item, Sum> sums) {
        if (sums.isEmpty()) {
            return "nothing is recorded\n";
        }
        List<List<String>> rows = new ArrayList<>(List.of(HEAD));
        Map<String, Sum> totals = new TreeMap<>();
        sums.entrySet().stream().sorted(Comparator.comparing(entry -> entry.getKey().toString())).forEach(entry -> {
            Item item = entry.getKey();
            rows.add(List.of(item.day().toString(), item.provider(), item.model(), item.account().isEmpty() ? "-" : item.account(), item.key(),
                    Long.toString(entry.getValue().requests()), cost(entry.getValue(), item.currency())));
            totals.merge(item.currency(), entry.getValue(), Sum::plus);
        });
        totals.forEach((currency, sum) -> rows.add(List.of("total", "", "", "", "", Long.toString(sum.requests()), cost(sum, currency))));
        int[] widths = new int[HEAD.size()];
        rows.forEach(row -> Arrays.setAll(widths, i -> Math.max(widths[i], row.get(i).length())));
        return rows.stream().map(row -> line(row, widths)).collect(Collectors.joining());
    }

    private static String cost(Sum sum, String currency) {
        BigDecimal amount = sum.amount().stripTrailingZeros();
        return amount.setScale(Math.max(2, amount.scale())).toPlainString() + " " + currency;
    }

    private static String line(List<String> row, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String cell = OneLine.escaped(row.get(i));
            String blanks = " ".repeat(Math.max(0, widths[i] - cell.length()));
            line.append(i == 0 ? "" : "  ").append(i < FIRST_NUMBER ? cell + blanks : blanks + cell);
        }
        return line.toString().stripTrailing() + "\n";
    }
}
