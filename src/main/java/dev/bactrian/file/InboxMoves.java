package dev.bactrian.file;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.error.Cause;
import dev.bactrian.generate.Headers;
import dev.bactrian.threads.Descriptors;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.component.file.GenericFile;
import org.apache.camel.component.file.GenericFileEndpoint;
import org.apache.camel.component.file.GenericFileOperations;
import org.apache.camel.component.file.GenericFileProcessStrategy;

/**
 * Locks a file of the inbox before its request is processed, and moves it to {@code .done} or {@code .failed} once the outcome is
 * stored. Replaces the file component's own strategy, which follows links and takes {@code \} for {@code /}.
 */
public final class InboxMoves implements CamelContextAware, GenericFileProcessStrategy<File> {

    private static final String ROUTE = "bactrian-from-file";

    private final Inbox inbox;
    private CamelContext camelContext;

    /**
     * Creates the strategy. Startup fails with a {@link SettingException} if {@code .done} or {@code .failed} is not a folder of this user.
     */
    public InboxMoves(Inbox inbox) {
        this.inbox = inbox;
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        if (this.camelContext == camelContext) {
            // Camel sets it more than once.
            return;
        }
        this.camelContext = camelContext;
        try {
            camelContext.addStartupListener((context, alreadyStarted) -> prepare());
        } catch (Exception e) {
            throw RuntimeCamelException.wrapRuntimeCamelException(e);
        }
    }

    /** Creates the inbox and its end folders before the first poll, if the inbox is in use. */
    private void prepare() {
        if (camelContext.getRoute(ROUTE) == null) {
            return;
        }
        Path folder = Path.of(Settings.of(camelContext).require(Property.FILE_INBOX));
        try {
            if (!Files.isDirectory(folder)) {
                Files.createDirectories(folder);
            }
            for (EndFolder end : new EndFolder[] {EndFolder.DONE, EndFolder.FAILED}) {
                if (Files.isWritable(folder)) {
                    end.prepareForAll(folder);
                } else {
                    end.checkWhereItIs(folder);
                }
            }
        } catch (FileAlreadyExistsException e) {
            throw new SettingException(Property.FILE_INBOX.key(), "'" + folder.toAbsolutePath() + "' is no folder");
        } catch (IOException e) {
            throw new SettingException(Property.FILE_INBOX.key(), "'" + folder.toAbsolutePath() + "': " + Inbox.reason(e));
        }
    }

    /** Removes locks that an earlier run has left. */
    @Override
    public void prepareOnStartup(GenericFileOperations<File> operations, GenericFileEndpoint<File> endpoint) throws IOException {
        Path folder = Path.of(endpoint.getConfiguration().getDirectory());
        int removed = 0;
        if (Files.isWritable(folder)) {
            try (DirectoryStream<Path> locks = Files.newDirectoryStream(folder, entry -> entry.getFileName().toString().endsWith(InboxNames.LOCK))) {
                for (Path lock : locks) {
                    Entry entry = Entry.of(lock);
                    if (entry.kind() == Entry.Kind.FILE && entry.size() == 0 && Files.deleteIfExists(lock)) {
                        removed++;
                    }
                }
            }
        }
        if (removed > 0) {
            Inbox.LOG.info("{} files of the inbox were in work when an earlier run ended", removed);
        }
    }

    /** Locks the file and returns true if it can be processed. */
    @Override
    public boolean begin(GenericFileOperations<File> operations, GenericFileEndpoint<File> endpoint, Exchange exchange, GenericFile<File> file) {
        Path path = file.getFile().toPath().toAbsolutePath();
        Path lock = path.resolveSibling(InboxNames.lock(path.getFileName().toString()));
        try {
            Files.createFile(lock);
        } catch (FileAlreadyExistsException e) {
            return false;
        } catch (IOException e) {
            if (!Descriptors.areExhausted(e)) {
                inbox.leave(path.getFileName().toString(), Inbox.reason(e));
            }
            return false;
        }
        TakenFile taken = new TakenFile(path, lock);
        taken.putInto(exchange);
        // Checked again, because another process may have processed the file until just now.
        taken.taken(inbox.whole(path));
        return taken.entry() != null;
    }

    @Override
    public void abort(GenericFileOperations<File> operations, GenericFileEndpoint<File> endpoint, Exchange exchange, GenericFile<File> file)
            throws IOException {
        release(exchange);
    }

    /**
     * Moves a file to {@code .done} or {@code .failed} once its outcome is stored.
     *
     * @throws IllegalStateException if the request was not processed, so there is no outcome
     * @throws IOException if the file cannot be moved
     */
    @Override
    public void commit(GenericFileOperations<File> operations, GenericFileEndpoint<File> endpoint, Exchange exchange, GenericFile<File> file)
            throws IOException, InterruptedException {
        try {
            Object status = exchange.getMessage().getHeader(Headers.STATUS);
            TakenFile taken = TakenFile.of(exchange);
            if (status != null) {
                inbox.retry(() -> ("succeeded".equals(status) ? EndFolder.DONE : EndFolder.FAILED).take(taken.path()));
            } else if (!taken.isLeft()) {
                throw new IllegalStateException("not taken; the file stays in the inbox for the next start");
            }
        } finally {
            release(exchange);
        }
    }

    /**
     * Leaves a file without an outcome where it is.
     *
     * @throws IllegalStateException always, because Camel then logs its message
     */
    @Override
    public void rollback(GenericFileOperations<File> operations, GenericFileEndpoint<File> endpoint, Exchange exchange, GenericFile<File> file)
            throws IOException {
        release(exchange);
        if (inbox.isStopping()) {
            throw new IllegalStateException("stopped before its work was done; the file stays in the inbox for the next start");
        }
        boolean why = exchange.getException() != null || exchange.getProperty(Exchange.EXCEPTION_CAUGHT) != null;
        throw new IllegalStateException("it has no outcome" + (why ? ": " + Cause.words(Cause.of(exchange)) : ""));
    }

    private static void release(Exchange exchange) throws IOException {
        TakenFile taken = TakenFile.of(exchange);
        if (taken != null) {
            taken.release();
        }
    }
}
