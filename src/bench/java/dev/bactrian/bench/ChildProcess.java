package dev.bactrian.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** A process of the benchmark whose output can be awaited. Killed when closed. */
final class ChildProcess implements AutoCloseable {

    private static final String END = "\u0000";

    private final Process process;
    private final long started = System.nanoTime();
    private final BlockingQueue<Line> lines = new LinkedBlockingQueue<>();

    /**
     * A line of output.
     *
     * @param text    the line
     * @param seconds the time since the start of the process
     */
    record Line(String text, double seconds) {
    }

    /** Starts {@code java} with those arguments in that folder; {@code by} is a command in front of it, such as {@code taskset}. */
    static ChildProcess java(Path folder, List<String> by, List<String> arguments) throws IOException {
        List<String> command = new ArrayList<>(by);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(arguments);
        return new ChildProcess(folder, command);
    }

    /** Starts a command in that folder, which finds the Java of this process by {@code JAVA_HOME}. */
    ChildProcess(Path folder, List<String> command) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile())
                .redirectError(ProcessBuilder.Redirect.appendTo(TestBed.ERRORS));
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        process = builder.start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        Thread reader = new Thread(this::read, "reader");
        reader.setDaemon(true);
        reader.start();
    }

    private void read() {
        try (var in = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            String line = in.readLine();
            while (line != null) {
                lines.add(new Line(line, seconds()));
                line = in.readLine();
            }
        } catch (IOException e) {
            // the process has ended
        }
        lines.add(new Line(END, seconds()));
    }

    /** Returns the time since the start of the process. */
    double seconds() {
        return (System.nanoTime() - started) / 1e9;
    }

    long pid() {
        return process.pid();
    }

    /** Writes a line to the input of the process. */
    void tell(String line) throws IOException {
        process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
    }

    /**
     * Waits for a matching line and drops those before it.
     *
     * @throws IOException if the process ends or the time is over without such a line
     */
    Line await(Predicate<String> wanted, int seconds) throws IOException, InterruptedException {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (true) {
            Line line = lines.poll(until - System.nanoTime(), TimeUnit.NANOSECONDS);
            if (line == null) {
                throw new IOException("nothing after " + seconds + " s");
            } else if (line.text().equals(END)) {
                throw new IOException("the process ended with code " + process.waitFor());
            } else if (wanted.test(line.text())) {
                return line;
            }
        }
    }

    /**
     * Returns the lines that have arrived, without waiting.
     *
     * @throws IOException if the process has ended
     */
    List<String> ready() throws IOException, InterruptedException {
        List<Line> there = new ArrayList<>();
        lines.drainTo(there);
        List<String> texts = there.stream().map(Line::text).toList();
        if (texts.contains(END)) {
            throw new IOException("the process ended with code " + process.waitFor());
        }
        return texts;
    }

    /** Asks the process to end, and waits until it has. */
    void end(int seconds) throws IOException, InterruptedException {
        process.destroy();
        if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
            throw new IOException("it has not ended after " + seconds + " s");
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
