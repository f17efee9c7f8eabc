package dev.bactrian.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import dev.bactrian.support.FreePort;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.opentest4j.TestAbortedException;

/**
 * A PostgreSQL of the tests' own: a cluster in a temporary folder, on a free port, there for the tests of one run.
 * Tests get it as a parameter, by {@code @ExtendWith(PostgreSql.Installed.class)}.
 */
public final class PostgreSql implements AutoCloseable {

    /** The owner of all that is made here. */
    public static final String USER = "camel";
    /** The password of every user. */
    public static final String PASSWORD = "pg_canary";

    private static final AtomicInteger DATABASES = new AtomicInteger();

    private final Path bin;
    private final Path folder;
    private final boolean root;
    private final int port;

    private PostgreSql(Path bin) {
        this.bin = bin;
        this.root = "root".equals(System.getProperty("user.name"));
        port = FreePort.find();
        try {
            folder = Files.createTempDirectory("postgresql");
            Files.writeString(folder.resolve("password"), PASSWORD);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (root) {
            // It refuses to run as root.
            run(List.of("chown", "-R", "postgres", folder.toString()));
        }
        as("initdb", "-D", data(), "-U", USER, "--pwfile=" + folder.resolve("password"), "--auth=scram-sha-256",
                "--encoding=UTF8", "--locale=C", "--no-sync");
        start();
    }

    /** Starts the cluster again, after {@link #stop}. */
    public void start() {
        as("pg_ctl", "start", "-w", "-D", data(), "-l", folder.resolve("log").toString(),
                "-o", "-p " + port + " -k " + folder + " -c listen_addresses=127.0.0.1 -c fsync=off");
    }

    /** Stops the cluster, which cuts every connection. */
    public void stop() {
        as("pg_ctl", "stop", "-w", "-m", "fast", "-D", data());
    }

    /** Makes a database. The URL of it. */
    public String database() {
        String name = "db" + DATABASES.incrementAndGet();
        execute(url("postgres"), "CREATE DATABASE " + name);
        return url(name);
    }

    /** Runs statements as the owner. */
    public void execute(String url, String... statements) {
        try (Connection connection = DriverManager.getConnection(url, USER, PASSWORD); Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    private String url(String database) {
        return "jdbc:postgresql://127.0.0.1:" + port + "/" + database;
    }

    private String data() {
        return folder.resolve("data").toString();
    }

    private void as(String program, String... arguments) {
        List<String> command = new ArrayList<>(root ? List.of("runuser", "-u", "postgres", "--") : List.of());
        command.add(bin.resolve(program).toString());
        command.addAll(List.of(arguments));
        run(command);
    }

    private void run(List<String> command) {
        try {
            Path said = Files.createTempFile("postgresql", ".log");
            try {
                // To a file: the server inherits it, and a pipe would stay open for as long as it runs.
                Process process = new ProcessBuilder(command).directory(folder.toFile())
                        .redirectErrorStream(true).redirectOutput(said.toFile()).start();
                assertThat(process.waitFor(1, TimeUnit.MINUTES)).as("%s ended", command).isTrue();
                assertThat(process.exitValue()).as("%s said: %s", command, Files.readString(said)).isZero();
            } finally {
                Files.delete(said);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() throws IOException {
        if (Files.exists(folder.resolve("data/postmaster.pid"))) {
            as("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data());
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    /**
     * Starts the cluster for the first test that asks, and stops it after the last. Where PostgreSQL is not installed
     * the tests are skipped; in CI they fail.
     */
    public static final class Installed implements BeforeAllCallback, ParameterResolver {

        @Override
        public void beforeAll(ExtensionContext context) {
            cluster(context);
        }

        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == PostgreSql.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            return cluster(context);
        }

        private static PostgreSql cluster(ExtensionContext context) {
            Optional<Path> bin = bin();
            if (bin.isEmpty()) {
                String missing = "PostgreSQL is not installed: no initdb on the PATH or under /usr/lib/postgresql";
                throw System.getenv("CI") == null ? new TestAbortedException(missing) : new IllegalStateException(missing);
            }
            return context.getRoot().getStore(ExtensionContext.Namespace.GLOBAL)
                    .getOrComputeIfAbsent(PostgreSql.class, type -> new PostgreSql(bin.get()), PostgreSql.class);
        }

        private static Optional<Path> bin() {
            Stream<Path> path = Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":")).map(Path::of);
            return Stream.concat(path, debian()).filter(bin -> Files.isExecutable(bin.resolve("initdb")))
                    .map(bin -> {
                        try {
                            // pg_ctl may be beside the program alone, and not beside a link to it.
                            return bin.resolve("initdb").toRealPath().getParent();
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    }).filter(bin -> Files.isExecutable(bin.resolve("pg_ctl"))).findFirst();
        }

        private static Stream<Path> debian() {
            Path versions = Path.of("/usr/lib/postgresql");
            if (!Files.isDirectory(versions)) {
                return Stream.of();
            }
            try (Stream<Path> all = Files.list(versions)) {
                return all.map(version -> version.resolve("bin")).sorted(Comparator.reverseOrder()).toList().stream();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
