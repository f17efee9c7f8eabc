package dev.bactrian.batch;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The outcomes of a batch on the disk. Those that are next in the order of the lines are appended to a file; any other waits in a
 * journal until the ones before it are there. Both survive a crash: a line that was not written whole is dropped when they are opened
 * again. Thread-safe.
 */
final class Outcomes implements Closeable {

    /** Where the status stands in a document: after the id, which has at most 128 characters. */
    private static final int HEAD = 200;
    private static final String FAILED = "\"status\":\"failed\"";
    /** The end of the journal up to which it is kept although none of its outcomes waits. */
    private static final long KEPT = 64 * 1024;

    /** Where an outcome is in the journal. */
    private record Place(long offset, int length) {
    }

    // Not a channel, which an interrupted thread would close.
    private final RandomAccessFile file;
    private final RandomAccessFile journal;
    private final Map<Integer, Place> waiting = new HashMap<>();
    private final Object disk = new Object();
    private long fileEnd;
    private long journalEnd;
    private int next;
    private int count;
    private int failed;
    private long written;
    private long forced;

    /**
     * Opens the files, which are created if they are missing.
     *
     * @throws IOException if they cannot be read or written
     */
    Outcomes(Path file, Path journal) throws IOException {
        readFile(file);
        readJournal(journal);
        this.file = new RandomAccessFile(file.toFile(), "rw");
        try {
            this.journal = new RandomAccessFile(journal.toFile(), "rw");
        } catch (IOException e) {
            this.file.close();
            throw e;
        }
        this.file.setLength(fileEnd);
        moveWaiting();
    }

    private void readFile(Path path) throws IOException {
        eachLine(path, (offset, length, head) -> {
            next++;
            fileEnd = offset + length;
            count(head);
        });
    }

    private void readJournal(Path path) throws IOException {
        eachLine(path, (offset, length, head) -> {
            journalEnd = offset + length;
            int blank = head.indexOf(' ');
            int index = Integer.parseInt(head.substring(0, blank));
            if (index >= next && waiting.put(index, new Place(offset + blank + 1, length - blank - 1)) == null) {
                count(head);
            }
        });
    }

    private void count(String head) {
        count++;
        if (head.contains(FAILED)) {
            failed++;
        }
    }

    private interface Found {
        void line(long offset, int length, String head);
    }

    private static void eachLine(Path path, Found found) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        try (InputStream in = new BufferedInputStream(Files.newInputStream(path), 64 * 1024)) {
            StringBuilder head = new StringBuilder();
            long offset = 0;
            int length = 0;
            for (int b = in.read(); b >= 0; b = in.read()) {
                length++;
                if (b == '\n') {
                    found.line(offset, length, head.toString());
                    offset += length;
                    length = 0;
                    head.setLength(0);
                } else if (head.length() < HEAD) {
                    head.append((char) b);
                }
            }
        }
    }

    /** Whether the outcome of the line is there. */
    synchronized boolean has(int index) {
        return index < next || waiting.containsKey(index);
    }

    /** Returns the number of outcomes that are there. */
    synchronized int count() {
        return count;
    }

    /** Returns how many of them are errors. */
    synchronized int failed() {
        return failed;
    }

    /** Returns the number of outcomes that wait for one before them. */
    synchronized int waiting() {
        return waiting.size();
    }

    /**
     * Adds an outcome. It is on the disk when this returns. Does nothing if it is there already.
     *
     * @param document the result or error document, in one line
     * @throws IOException if it cannot be written; it may be added again then
     */
    void add(int index, String document) throws IOException {
        long mine;
        synchronized (this) {
            if (has(index)) {
                return;
            }
            if (index == next) {
                append((document + "\n").getBytes(StandardCharsets.UTF_8));
            } else {
                byte[] line = (index + " " + document + "\n").getBytes(StandardCharsets.UTF_8);
                journal.seek(journalEnd);
                journal.write(line);
                int blank = Integer.toString(index).length() + 1;
                waiting.put(index, new Place(journalEnd + blank, line.length - blank));
                journalEnd += line.length;
            }
            count(document.substring(0, Math.min(HEAD, document.length())));
            mine = ++written;
        }
        force(mine);
        synchronized (this) {
            moveWaiting();
        }
    }

    private void append(byte[] line) throws IOException {
        file.seek(fileEnd);
        file.write(line);
        fileEnd += line.length;
        next++;
    }

    private void moveWaiting() throws IOException {
        for (Place place = waiting.get(next); place != null; place = waiting.get(next)) {
            byte[] line = new byte[place.length()];
            journal.seek(place.offset());
            journal.readFully(line);
            append(line);
            waiting.remove(next - 1);
        }
        if (waiting.isEmpty() && journalEnd > KEPT) {
            file.getFD().sync();
            journal.setLength(0);
            journalEnd = 0;
        }
    }

    /** Flushes what is written to the disk. Threads that wait for the disk meanwhile share the next flush. */
    private void force(long mine) throws IOException {
        synchronized (disk) {
            if (forced >= mine) {
                return;
            }
            long now;
            synchronized (this) {
                now = written;
            }
            file.getFD().sync();
            journal.getFD().sync();
            forced = now;
        }
    }

    /** Whether the outcomes of that many lines, and thus all of them, are in the file. */
    synchronized boolean isComplete(int lines) {
        return next == lines;
    }

    @Override
    public void close() throws IOException {
        try (journal) {
            file.close();
        }
    }
}
