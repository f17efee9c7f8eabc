package dev.bactrian.fuzz;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Writes an event stream as some server might: any line ends, comments and unknown fields between, a byte order mark. */
final class Wire {

    private final Dice dice;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final int lineEnds;
    private boolean afterCarriageReturn;

    Wire(Dice dice) {
        this.dice = dice;
        lineEnds = dice.below(4);
        if (dice.oneIn(10)) {
            raw("\ufeff");
        }
    }

    private void raw(String text) {
        out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    /** A line and its end. An empty line must not end in LF where the line before ended in CR: that would be one end. */
    private void line(String text) {
        raw(text);
        String end = switch (lineEnds) {
            case 0 -> "\n";
            case 1 -> "\r\n";
            case 2 -> "\r";
            default -> dice.of("\n", "\r\n", "\r");
        };
        if (text.isEmpty() && afterCarriageReturn && end.equals("\n")) {
            end = "\r";
        }
        raw(end);
        afterCarriageReturn = end.equals("\r");
    }

    /** What says nothing. */
    private void noise() {
        while (dice.oneIn(6)) {
            switch (dice.below(5)) {
                case 0 -> line(": ping");
                case 1 -> line("id: " + dice.below(9));
                case 2 -> line("retry: 10");
                case 3 -> line(":");
                default -> line("unknown" + dice.of("", ": data: [DONE]"));
            }
        }
    }

    /** An event. Returns where its data ends, without the ends of its lines. */
    int event(String type, String data) {
        if (dice.oneIn(8)) {
            noise();
            line("");
        }
        noise();
        boolean typeFirst = dice.oneIn(2);
        if (type != null && typeFirst) {
            line("event:" + dice.of("", " ") + type);
        }
        String[] lines = data.split("\n", -1);
        int end = 0;
        for (int i = 0; i < lines.length; i++) {
            if (i > 0) {
                noise();
            }
            // One blank after the colon is not part of the data.
            String field = dice.oneIn(3) && !lines[i].startsWith(" ") ? "data:" : "data: ";
            end = out.size() + (field + lines[i]).getBytes(StandardCharsets.UTF_8).length;
            line(lines[i].isEmpty() && dice.oneIn(2) ? "data" : field + lines[i]);
        }
        if (type != null && !typeFirst) {
            line("event: " + type);
        }
        noise();
        line("");
        return end;
    }

    int length() {
        return out.size();
    }

    byte[] bytes() {
        return out.toByteArray();
    }
}
