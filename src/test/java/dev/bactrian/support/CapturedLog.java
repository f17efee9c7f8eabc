package dev.bactrian.support;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.List;

/** The log, which the tests write to standard error, from its making until it is closed. */
public final class CapturedLog implements AutoCloseable {

    private final PrintStream before = System.err;
    private final ByteArrayOutputStream log = new ByteArrayOutputStream();

    public CapturedLog() {
        System.setErr(new PrintStream(log, true, UTF_8));
    }

    /** The lines that hold that text. */
    public List<String> lines(String text) {
        return toString().lines().filter(line -> line.contains(text)).toList();
    }

    /** All of it; it can be read after the end, too. */
    @Override
    public String toString() {
        return log.toString(UTF_8);
    }

    @Override
    public void close() {
        System.setErr(before);
    }
}
