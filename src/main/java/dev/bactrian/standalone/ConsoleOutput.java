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
 * Standard output by way of a thread of its own: where nobody reads the pipe that it is, that thread hangs, and at a stop
 * no other. Until the stop whoever writes more than {@value #MOST_BYTES} bytes ahead waits.
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

    /** Takes the place of {@link System#out}. */
    static ConsoleOutput install() {
        ConsoleOutput output = new ConsoleOutput(System.out);
        System.setOut(new PrintStream(output, false, charset()));
        return output;
    }

    /** That of System.out, which Java 17 does not tell. */
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
                // Nobody can be told; without this thread, whoever logs would wait for ever.
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

    /** From now on nobody waits: what there is no place for is left out. */
    void waitForNobody() {
        lock.lock();
        try {
            isOptional = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Waits until all is written, that long at most. */
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
