package dev.bactrian.batch;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

import dev.bactrian.core.Cancellation;
import dev.bactrian.text.OneLineLogger;
import org.slf4j.Logger;

/**
 * A batch that is being processed. What is known of it is in a folder of its own, from which it is continued after a stop or a crash: the
 * path of the file with the outcomes, the journal of those that wait, and a mark if it was cancelled.
 */
final class Batch implements Closeable {

    static final Logger LOG = OneLineLogger.of("dev.bactrian.batch");

    /** The file that shows that the outcomes of a batch of the queue were delivered. */
    static final String DELIVERED = "delivered.json";

    private static final String PART = ".part";
    private static final long LOG_EVERY_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final int LOG_EVERY = 1000;

    private final String id;
    private final String delivery;
    private final Path folder;
    private final Path part;
    private final Outcomes outcomes;
    private final LineReader lines;
    /** Locked while this process works on the batch. */
    private final FileChannel lock;
    private final Cancellation cancellation;
    private final Instant startedAt = Instant.now();
    private long logged = System.nanoTime();
    private int loggedCount;
    private boolean unwritable;
    private String delivered;

    /**
     * Begins a batch, or continues it if its folder is there.
     *
     * @param delivery distinguishes batches with the same id
     * @param beside   the file that the outcomes will be delivered to, beside which they are collected; or null
     * @param lines    the requests; closed with the batch
     * @param cancellation cancels the whole batch
     * @throws IOException if the folder or the outcomes cannot be read or written
     */
    Batch(String id, String delivery, Path folder, Path beside, LineReader lines, Cancellation cancellation) throws IOException {
        this.cancellation = cancellation;
        this.id = id;
        this.delivery = delivery;
        this.folder = folder;
        this.lines = lines;
        Files.createDirectories(folder);
        lock = lock(id, folder);
        boolean known = Files.exists(folder.resolve("part"));
        try {
            part = known ? Path.of(Files.readString(folder.resolve("part"))) : newPart(beside);
            outcomes = new Outcomes(part, folder.resolve("journal"));
        } catch (IOException | RuntimeException e) {
            lock.close();
            throw e;
        }
        if (known) {
            LOG.info("{}: the batch goes on; {} of its outcomes are there", id, outcomes.count());
        } else {
            LOG.info("{}: the batch begins", id);
        }
        cancellation.onRequest(this::markCanceled);
        if (Files.exists(folder.resolve("canceled"))) {
            cancellation.request();
        }
    }

    private static FileChannel lock(String id, Path folder) throws IOException {
        FileChannel channel = FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (channel.tryLock() != null) {
                return channel;
            }
        } catch (OverlappingFileLockException e) {
            // by another application in this process
        } catch (IOException e) {
            channel.close();
            throw e;
        }
        channel.close();
        throw new RejectedExecutionException("the batch " + id + " is being processed by another process");
    }

    /** Chooses the file for the outcomes. One that exists may belong to another batch with that id. */
    private Path newPart(Path beside) throws IOException {
        Path chosen = folder.resolve("results" + PART);
        if (beside != null) {
            Path visible = beside.resolveSibling(beside.getFileName() + PART);
            try {
                Files.createDirectories(visible.getParent());
                Files.createFile(visible);
                chosen = visible;
            } catch (FileAlreadyExistsException e) {
                LOG.warn("{}: {} is there already, of a batch that was not completed, and is left; the outcomes are collected in {}", id, visible, chosen);
            } catch (IOException e) {
                LOG.warn("{}: {} cannot be written: {}; the outcomes are collected in {}", id, visible, e.toString(), chosen);
            }
        }
        Path written = folder.resolve("part.tmp");
        Files.write(written, chosen.toAbsolutePath().toString().getBytes(StandardCharsets.UTF_8));
        Files.move(written, folder.resolve("part"), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        return chosen;
    }

    private void markCanceled() {
        try {
            if (Files.isDirectory(folder)) {
                Files.writeString(folder.resolve("canceled"), "");
            }
        } catch (IOException e) {
            LOG.warn("{}: that it is canceled cannot be recorded: {}", id, e.toString());
        }
    }

    String id() {
        return id;
    }

    String delivery() {
        return delivery;
    }

    Cancellation cancellation() {
        return cancellation;
    }

    Path part() {
        return part;
    }

    Instant startedAt() {
        return startedAt;
    }

    /** Returns the next line that has no outcome yet, or null at the end. */
    Line next() {
        Line line = lines.next();
        while (line != null && outcomes.has(line.index())) {
            line = lines.next();
        }
        return line;
    }

    /** Returns the number of outcomes that wait for one before them. */
    int waiting() {
        return outcomes.waiting();
    }

    /**
     * Adds the outcome of a line and logs the progress.
     *
     * @throws IOException if it cannot be written; logged once
     */
    void add(Line line, String document) throws IOException {
        try {
            outcomes.add(line.index(), document);
        } catch (IOException e) {
            logUnwritable(e);
            throw e;
        }
        logProgress();
    }

    private synchronized void logUnwritable(IOException e) {
        if (!unwritable) {
            unwritable = true;
            LOG.error("{}: an outcome cannot be written to {} or {}, and is tried again: {}", id, part, folder, e.toString());
        }
    }

    private synchronized void logProgress() {
        unwritable = false;
        long now = System.nanoTime();
        int count = outcomes.count();
        if (now - logged >= LOG_EVERY_NANOS || count - loggedCount >= LOG_EVERY) {
            logged = now;
            loggedCount = count;
            LOG.info("{}: {} lines are done, {} of them failed; {} are read", id, count, outcomes.failed(), lines.count());
        }
    }

    /** Whether all lines are read and all outcomes are in the file. */
    boolean isComplete() {
        return lines.isEnded() && outcomes.isComplete(lines.count());
    }

    /** Returns the number of lines that are read and not blank. */
    int lines() {
        return lines.count();
    }

    /** Returns how many outcomes are errors. */
    int failed() {
        return outcomes.failed();
    }

    /** Returns the number of outcomes. */
    int done() {
        return outcomes.count();
    }

    /** Records that the outcomes were delivered or kept, with the document about the batch. */
    void delivered(String document) {
        delivered = document;
    }

    @Override
    public void close() throws IOException {
        try (lock; lines) {
            outcomes.close();
        }
    }

    /**
     * Deletes everything that is known of the batch, if its outcomes were delivered.
     *
     * @param marked whether that remains known, because the message of the batch may still be delivered again
     */
    void forget(boolean marked) throws IOException {
        if (delivered == null) {
            return;
        } else if (marked) {
            Files.writeString(folder.resolve(DELIVERED), delivered);
            Files.deleteIfExists(folder.resolve("journal"));
            Files.deleteIfExists(part);
            return;
        }
        Files.deleteIfExists(part);
        Batches.deleteFolder(folder);
    }
}
