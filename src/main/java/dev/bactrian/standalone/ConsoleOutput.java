package dev.bactrian.standalone;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Writes standard output on a thread of its own, so that a pipe that nobody reads blocks only that thread at a stop. Before the
 * stop, writers that are more than {@value #MOST_BYTES} bytes ahead wait.
 */
final class ConsoleOutput extends OutputStream {

    private static final int MOST_BYTES = 256 * 1024;

    private final OutputStream target;
    private final Lock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Deque<byte[]> waiting = new ArrayDeque<>();
    private int bytes;
    private boolean writing;
    private boolean isOptional;

    private ConsoleOutput(OutputStream target) {
        this.target = target;
        Thread writer = new Thread(this::write, "bactrian-output");
        writer.setDaemon(true);
        writer.start();
    }

    /** Replaces {@link System#out}. */
    static ConsoleOutput install() {
        ConsoleOutput output = new ConsoleOutput(System.out);
        System.setOut(new PrintStream(output, false, charset()));
        return output;
    }

    /** Returns the encoding of System.out, for which Java 17 has no API. */
    private static Charset charset() {
        String name = System.getProperty("stdout.encoding", System.getProperty("sun.stdout.encoding"));
        try {
            return name == null ? Charset.defaultCharset() : Charset.forName(name);
        } catch (IllegalArgumentException e) {
            return Charset.defaultCharset();
        }
    }

    @Override
    public void write(int b) {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] from, int offset, int length) {
        lock.lock();
        try {
            while (bytes > 0 && bytes + length > MOST_BYTES && !isOptional) {
                changed.awaitUninterruptibly();
            }
            if (bytes == 0 || bytes + length <= MOST_BYTES) {
                waiting.add(Arrays.copyOfRange(from, offset, offset + length));
                bytes += length;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    private void write() {
        while (true) {
            try {
                writeNext();
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                // Cannot be reported. This thread must go on, because otherwise all loggers would wait for ever.
            }
        }
    }

    private void writeNext() throws IOException {
        byte[] next = next();
        try {
            target.write(next);
            target.flush();
        } finally {
            lock.lock();
            try {
                bytes -= next.length;
                writing = false;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    private byte[] next() {
        lock.lock();
        try {
            while (waiting.isEmpty()) {
                changed.awaitUninterruptibly();
            }
            writing = true;
            return waiting.remove();
        } finally {
            lock.unlock();
        }
    }

    /** Stops blocking: from now on, output that does not fit into the buffer is dropped. */
    void waitForNobody() {
        lock.lock();
        try {
            isOptional = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until everything is written, for at most that time in ms. */
    void drain(long millis) {
        lock.lock();
        try {
            long left = TimeUnit.MILLISECONDS.toNanos(millis);
            while ((writing || !waiting.isEmpty()) && left > 0) {
                left = changed.awaitNanos(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
    }
}
