package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

import dev.bactrian.support.FreePort;

/** An Artemis broker as a process of its own, with one folder and one port for all its lives. */
final class BrokerProcess implements AutoCloseable {

    private static final Duration LONGEST_STOP = Duration.ofSeconds(20);

    private final Path folder;
    private final int port;
    private final String[] arguments;
    private ServiceProcess process;

    private BrokerProcess(Path folder, int port, String... login) {
        this.folder = folder;
        this.port = port;
        arguments = new String[1 + login.length];
        arguments[0] = Integer.toString(port);
        System.arraycopy(login, 0, arguments, 1, login.length);
    }

    /** A broker that is not started yet, with its journal in that folder. */
    static BrokerProcess in(Path folder) {
        return new BrokerProcess(folder, FreePort.find());
    }

    /** One that lets in nobody but that user. */
    static BrokerProcess in(Path folder, String user, String password) {
        return new BrokerProcess(folder, FreePort.find(), user, password);
    }

    int port() {
        return port;
    }

    String url() {
        return "tcp://127.0.0.1:" + port;
    }

    /** Starts it, with what its journal holds, and waits until it accepts. */
    BrokerProcess start() {
        assertThat(process == null || !process.isAlive()).as("not running").isTrue();
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        process = ServiceProcess.in(folder).jvm("-Xmx256m").mainOfTheTests(BrokerMain.class, arguments).start();
        process.says(BrokerMain.READY);
        return this;
    }

    /** Sends SIGKILL, and waits until it is gone. */
    void kill() {
        process.kill();
    }

    /** Stops it properly. */
    void stop() {
        process.sigterm().awaitExit(LONGEST_STOP);
    }

    /** It stands still: connections stay, and nobody answers. */
    void freeze() {
        process.freeze();
    }

    void thaw() {
        process.thaw();
    }

    @Override
    public void close() {
        if (process != null) {
            process.close();
        }
    }

    @Override
    public String toString() {
        return "broker: " + process;
    }
}
