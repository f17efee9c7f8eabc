package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

import dev.bactrian.config.Property;

/** The built jar as a process of its own, in a folder of its own, with what it printed. */
final class ServiceProcess implements AutoCloseable {

    /** The slowest start that a busy machine is allowed. */
    private static final Duration LONGEST_START = Duration.ofSeconds(60);

    private final Process process;
    private final List<String> out = new CopyOnWriteArrayList<>();
    private final List<String> err = new CopyOnWriteArrayList<>();
    private final List<Thread> readers = new ArrayList<>();

    private ServiceProcess(Process process) {
        this.process = process;
        readers.add(reader(process.getInputStream(), out));
        readers.add(reader(process.getErrorStream(), err));
    }

    private static Thread reader(InputStream stream, List<String> lines) {
        Thread thread = new Thread(() -> {
            try (BufferedReader reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
                for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                    lines.add(line);
                }
            } catch (IOException e) {
                // the process is gone, and its pipe with it
            }
        }, "output-of-service");
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** A service to be started in that working folder. */
    static Builder in(Path folder) {
        return new Builder(folder);
    }

    static Path jar() {
        Path jar = Path.of("target", "bactrian.jar").toAbsolutePath();
        assertThat(jar).as("the built jar").isRegularFile();
        return jar;
    }

    /** Waits until it says that it is ready. */
    ServiceProcess ready() {
        return says(" ready with ");
    }

    /** Waits until a line of its standard output holds that text. */
    ServiceProcess says(String text) {
        await(text).atMost(LONGEST_START).pollInterval(Duration.ofMillis(20)).until(() -> !process.isAlive() || said(text));
        assertThat(process.isAlive()).as("alive; it said %s", this).isTrue();
        return this;
    }

    /** What it wrote to standard output so far. */
    List<String> out() {
        return List.copyOf(out);
    }

    /** What it wrote to standard error so far. */
    List<String> err() {
        return List.copyOf(err);
    }

    /** Whether a line of its standard output holds that text. */
    boolean said(String text) {
        return out.stream().anyMatch(line -> line.contains(text));
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** What the system knows of the process that was started. */
    ProcessHandle handle() {
        return process.toHandle();
    }

    /** Waits that long, or less if it ends before; whether it still lives. */
    boolean livesFor(Duration time) {
        try {
            return !process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Sends SIGTERM. Not by {@link Process#destroy}, which would close its output too. */
    ServiceProcess sigterm() {
        signal("TERM");
        return this;
    }

    /** Sends SIGINT, as Ctrl-C does. */
    void interrupt() {
        signal("INT");
    }

    /** Sends SIGKILL, and waits until it is gone. */
    void kill() {
        process.toHandle().destroyForcibly();
        awaitExit(Duration.ofSeconds(20));
    }

    /** Sends SIGSTOP: it stands still at whatever it was doing. */
    void freeze() {
        signal("STOP");
    }

    /** Sends SIGCONT. */
    void thaw() {
        signal("CONT");
    }

    private void signal(String name) {
        try {
            assertThat(new ProcessBuilder("sh", "-c", "kill -s " + name + " " + process.pid()).inheritIO().start().waitFor()).isZero();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Waits for its end. Its exit code: 143 after SIGTERM, 137 after SIGKILL. If it does not end, the failure shows what its threads do. */
    int awaitExit(Duration atMost) {
        if (livesFor(atMost)) {
            signal("QUIT");
            livesFor(Duration.ofSeconds(2));
            throw new AssertionError("still alive after " + atMost + "; it said " + this);
        }
        for (Thread reader : readers) {
            try {
                reader.join(5_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        return process.exitValue();
    }

    /** Kills it, if it still lives. */
    @Override
    public void close() {
        process.toHandle().destroyForcibly();
        awaitExit(Duration.ofSeconds(20));
    }

    @Override
    public String toString() {
        return String.join("\n", out) + "\n" + String.join("\n", err);
    }

    /** How a service is started. */
    static final class Builder {

        private final Path folder;
        private final Map<String, String> properties = new LinkedHashMap<>();
        private final Map<String, String> environment = new LinkedHashMap<>();
        private final List<String> jvm = new ArrayList<>(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        private final List<String> shell = new ArrayList<>();
        private String classPath = ServiceProcess.jar().toString();
        private final List<String> main = new ArrayList<>();
        private Path script;

        private Builder(Path folder) {
            this.folder = folder;
            environment.put("LC_ALL", "C.UTF-8");
            set(Property.MANAGEMENT_PORT, "0");
            set(Property.HTTP_ENABLED, "false");
        }

        /** Adds {@code -Dname=value}. */
        Builder set(String name, String value) {
            properties.put(name, value);
            return this;
        }

        Builder set(Property property, String value) {
            return set(property.key(), value);
        }

        /** Leaves a property that every service of a test has to its default. */
        Builder unset(Property property) {
            properties.remove(property.key());
            return this;
        }

        /** Sets an environment variable, or takes it away where the value is null. */
        Builder env(String name, String value) {
            environment.put(name, value);
            return this;
        }

        /** Adds an argument of the JVM. */
        Builder jvm(String argument) {
            jvm.add(argument);
            return this;
        }

        /** Runs that jar in place of the built one. */
        Builder jar(Path file) {
            classPath = file.toString();
            // An earlier version has no such property.
            properties.remove(Property.HTTP_ENABLED.key());
            return this;
        }

        /** Runs another class of the jar than the service. */
        Builder main(Class<?> type) {
            main.add(type.getName());
            return this;
        }

        /** Runs a class of the tests, with everything that they have on their class path. */
        Builder mainOfTheTests(Class<?> type, String... arguments) {
            classPath = System.getProperty("java.class.path");
            main(type);
            main.addAll(List.of(arguments));
            return this;
        }

        /** Runs a start script in place of the jar; it gets the arguments of the JVM as its own. */
        Builder script(Path file) {
            script = file;
            return env("JAVA_HOME", System.getProperty("java.home"));
        }

        /** Limits the size of every file that it writes, in KB: a write beyond fails, as on a full disk. */
        Builder limitFileSize(int kilobytes) {
            shell.addAll(List.of("bash", "-c", "ulimit -f " + kilobytes + " && exec \"$@\"", "limited"));
            return jvm("-XX:-UsePerfData");
        }

        /** Runs it as another user, which takes root and util-linux. */
        Builder as(String user) {
            shell.addAll(List.of("setpriv", "--reuid=" + user, "--clear-groups"));
            return this;
        }

        /** Limits how many files and connections it may have open. */
        Builder limitDescriptors(int most) {
            shell.addAll(List.of("bash", "-c", "ulimit -n " + most + " && exec \"$@\"", "limited"));
            return this;
        }

        ServiceProcess start() {
            return new ServiceProcess(process());
        }

        /** Starts it with pipes that nobody reads. */
        Process unread() {
            return process();
        }

        private Process process() {
            List<String> command = new ArrayList<>(shell);
            command.add((script != null ? script : Path.of(System.getProperty("java.home"), "bin", "java")).toString());
            command.addAll(jvm);
            properties.forEach((name, value) -> command.add("-D" + name + "=" + value));
            if (script != null) {
                assertThat(main).as("a script has a class of its own").isEmpty();
            } else if (main.isEmpty()) {
                command.addAll(List.of("-jar", classPath));
            } else {
                command.addAll(List.of("-cp", classPath));
                command.addAll(main);
            }
            ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
            Map<String, String> inherited = builder.environment();
            inherited.keySet().removeIf(name -> name.startsWith("BACTRIAN_") || name.startsWith("LC_") || name.startsWith("CAMEL_")
                    || List.of("LANG", "REPLICATE_API_TOKEN", "UPSTAGE_API_KEY", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS").contains(name));
            environment.forEach((name, value) -> {
                if (value == null) {
                    inherited.remove(name);
                } else {
                    inherited.put(name, value);
                }
            });
            try {
                return builder.start();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
