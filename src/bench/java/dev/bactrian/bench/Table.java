package dev.bactrian.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;

/** A table of results in Markdown, which is also readable on a terminal. */
final class Table {

    private final String title;
    private final List<String[]> rows = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    Table(String title, String... columns) {
        this.title = title;
        rows.add(columns);
    }

    Table row(String... cells) {
        rows.add(cells);
        return this;
    }

    Table note(String note) {
        notes.add(note);
        return this;
    }

    @Override
    public String toString() {
        int columns = rows.get(0).length;
        int[] widths = new int[columns];
        for (String[] row : rows) {
            for (int i = 0; i < columns; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        StringBuilder text = new StringBuilder("### ").append(title).append("\n\n").append(line(rows.get(0), widths));
        StringJoiner rule = new StringJoiner("|", "|", "|\n");
        for (int width : widths) {
            rule.add("-".repeat(width + 2));
        }
        text.append(rule);
        rows.subList(1, rows.size()).forEach(row -> text.append(line(row, widths)));
        notes.forEach(note -> text.append('\n').append(note).append('\n'));
        return text.toString();
    }

    private static String line(String[] row, int[] widths) {
        StringJoiner line = new StringJoiner(" | ", "| ", " |\n");
        for (int i = 0; i < row.length; i++) {
            line.add(row[i] + " ".repeat(widths[i] - row[i].length()));
        }
        return line.toString();
    }
}
