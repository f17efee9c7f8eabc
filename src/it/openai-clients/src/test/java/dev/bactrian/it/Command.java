package dev.bactrian.it;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import org.opentest4j.TestAbortedException;

/** A command that was run to its end, with what it printed. */
final class Command {

    private static final long LONGEST_MINUTES = 3;

    private final ProcessBuilder builder;
    private int status;
    private String output;

    private Command(Path folder, List<String> words) {
        builder = new ProcessBuilder(words).directory(folder.toFile()).redirectErrorStream(true).redirectInput(new File("/dev/null"));
    }

    static Command of(Path folder, String... words) {
        return new Command(folder, List.of(words));
    }

    /**
     * Requires a program.
     *
     * @throws TestAbortedException if it is not on the path, on a machine that is not CI's
     */
    static void require(String program) {
        boolean found = Stream.of(System.getenv("PATH").split(File.pathSeparator)).anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
        if (!found && System.getenv("CI") == null) {
            throw new TestAbortedException("not installed: " + program);
        }
    }

    /** Gives it the address and the key of the service, as OpenAI's clients read them. */
    Command at(Service service) {
        builder.environment().put("OPENAI_BASE_URL", service.baseUrl());
        builder.environment().put("OPENAI_API_KEY", Service.KEY);
        return this;
    }

    /** Runs it, and fails if it does not end within minutes. */
    Command run() {
        try {
            Path printed = Files.createTempFile("command-", ".log");
            Process process = builder.redirectOutput(printed.toFile()).start();
            if (!process.waitFor(LONGEST_MINUTES, TimeUnit.MINUTES)) {
                process.destroyForcibly();
                throw new AssertionError("no end: " + builder.command() + "\n" + Files.readString(printed));
            }
            status = process.exitValue();
            output = Files.readString(printed, StandardCharsets.UTF_8);
            Files.delete(printed);
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Returns its exit status. */
    int status() {
        return status;
    }

    /** Returns what it wrote to standard output and standard error. */
    String output() {
        return output;
    }
}
