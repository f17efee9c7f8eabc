package dev.bactrian.file;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

import dev.bactrian.error.Cause;
import org.apache.camel.Consumer;
import org.apache.camel.Endpoint;
import org.apache.camel.Exchange;
import org.apache.camel.component.file.FileEndpoint;
import org.apache.camel.spi.PollingConsumerPollStrategy;

/** Checks the inbox before each poll. Logs a problem once; polls resume when it is over. */
public final class InboxPolls implements PollingConsumerPollStrategy, FileFailures {

    /** The interval between two surveys of the inbox, in nanoseconds. */
    private static final long SURVEY_EACH = 1_000_000_000L;

    private final Inbox inbox;
    private String trouble;
    private String failure;
    private long surveyed = System.nanoTime() - SURVEY_EACH;

    /** Creates the strategy for that inbox. */
    public InboxPolls(Inbox inbox) {
        this.inbox = inbox;
    }

    /** Whether the inbox can be polled now. It must be writable: a file that cannot be moved away would be paid for again at each start. */
    @Override
    public synchronized boolean begin(Consumer consumer, Endpoint endpoint) {
        Path folder = ((FileEndpoint) endpoint).getFile().toPath();
        say(folder, trouble(folder));
        if (trouble == null && System.nanoTime() - surveyed >= SURVEY_EACH) {
            inbox.survey(folder.toFile());
            surveyed = System.nanoTime();
        }
        return trouble == null;
    }

    private static String trouble(Path folder) {
        return !Files.isDirectory(folder) ? "is not there" : !Files.isReadable(folder) || !Files.isExecutable(folder) ? "can't be read"
                : !Files.isWritable(folder) ? "can't be written, so that no file could be moved out of it when it is done" : null;
    }

    private void say(Path folder, String now) {
        if (Objects.equals(now, trouble)) {
            return;
        }
        trouble = now;
        if (now == null) {
            Inbox.LOG.info("The inbox {} is watched again", folder.toAbsolutePath());
        } else {
            Inbox.LOG.warn("The inbox {} {}; no file is taken until that is over", folder.toAbsolutePath(), now);
        }
    }

    @Override
    public synchronized void commit(Consumer consumer, Endpoint endpoint, int polledMessages) {
        failure = null;
    }

    @Override
    public boolean rollback(Consumer consumer, Endpoint endpoint, int retryCounter, Exception cause) {
        return false;
    }

    @Override
    public synchronized void handleException(String message, Exchange exchange, Throwable exception) {
        String words = Cause.words(exception);
        if (!words.equals(failure)) {
            failure = words;
            Inbox.LOG.warn("The inbox could not be polled: {}", words);
        }
    }
}
