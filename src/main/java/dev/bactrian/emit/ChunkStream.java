package dev.bactrian.emit;

import java.io.Closeable;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.error.GenerateException;
import dev.bactrian.flow.CallerReply;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangeExtension;
import org.apache.camel.support.SynchronizationAdapter;

/**
 * The chunks of an answer as they arrive, in order: the body that {@code direct:generate-stream} returns. No chunk is empty. The stream
 * is closed at the latest when the exchange that holds it is done.
 *
 * <p>{@link #hasNext()} never waits: it returns whether the stream is open, and {@link #next()} returns null if the stream then turns out
 * to have ended. Camel's {@code split} skips nulls. It calls {@code hasNext} before it passes a chunk on, so a waiting {@code hasNext}
 * would delay each chunk until the next one has arrived. In Java:
 * <pre>{@code
 * for (String chunk = stream.next(); chunk != null; chunk = stream.next()) { ... }
 * }</pre>
 *
 * <p>Camel converts the stream to an {@code InputStream} or a {@code Reader}, which return the text as it arrives, and to a
 * {@code String} or {@code byte[]} ({@link ChunkStreamConverters}).
 *
 * <p>At most {@value #MOST_WAITING} chunks are read ahead. For use by one thread at a time; {@link #close()} may be called by any thread.
 */
public final class ChunkStream implements Job.Reader, Iterator<String>, Closeable {

    private static final int MOST_WAITING = 64;
    private static final int NEVER = -1;

    private final boolean textKept;
    private final Function<InterruptedException, GenerateException> interrupted;
    private final Queue<String> waiting = new ArrayDeque<>(MOST_WAITING);
    /** No monitor: before Java 24 a virtual thread that waits in one holds a platform thread. */
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private Exchange holder;
    private int redeliveries;
    private Cancellation cancellation;
    private boolean begun;
    private boolean ended;
    private boolean closed;
    private boolean exhausted;
    private boolean discarding;
    private String document;
    private GenerateException failure;
    private volatile Runnable firstChunk;
    private int thrownInTry = NEVER;

    /** {@code interrupted} creates the exception for a reader that is interrupted. */
    ChunkStream(boolean textKept, Function<InterruptedException, GenerateException> interrupted) {
        this.textKept = textKept;
        this.interrupted = interrupted;
    }

    /**
     * Whether a chunk may follow; never waits. Also true if the stream has failed and its failure was not thrown yet, because Camel's
     * {@code split} continues to read after an exception. After a redelivery or {@link #close()} the failure is thrown again.
     */
    @Override
    public boolean hasNext() {
        if (holderHasFailed()) {
            close();
            return false;
        }
        lock.lock();
        try {
            boolean thrown = thrownInTry != NEVER && thrownInTry == currentTry();
            return !closed && !exhausted && !thrown && (!ended || failure != null || !waiting.isEmpty());
        } finally {
            lock.unlock();
        }
    }

    private int currentTry() {
        return holder == null ? 0 : CallerReply.redeliveries(holder);
    }

    /**
     * Returns the next chunk and waits for it, or returns null if the stream has ended or was closed.
     *
     * @throws GenerateException if the request failed after its answer had begun; each further call throws it again
     */
    @Override
    public String next() {
        lock.lock();
        try {
            while (waiting.isEmpty() && !ended && !closed) {
                await();
            }
            if (!waiting.isEmpty()) {
                if (waiting.size() == MOST_WAITING) {
                    changed.signalAll();
                }
                return waiting.remove();
            } else if (failure != null && !closed) {
                thrownInTry = currentTry();
                throw failed();
            } else if (exhausted) {
                throw new NoSuchElementException();
            }
            exhausted = true;
            return null;
        } finally {
            lock.unlock();
        }
    }

    /** Returns the next chunk and waits for it. Returns null at the end, also when called again, and after the stream was closed. */
    String nextOrEnd() {
        lock.lock();
        try {
            if (exhausted) {
                return null;
            }
        } finally {
            lock.unlock();
        }
        return next();
    }

    /** Whether the stream was closed before the whole answer was read. */
    boolean isCutShort() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for the end of the request and returns the result document, JSON. Drops chunks that were not read. The document contains no
     * {@code text} unless the exchange variable {@code bactrianKeepText} was true when the request was made.
     *
     * @throws GenerateException if the request failed or was closed before its end
     */
    public String document() {
        lock.lock();
        try {
            discarding = true;
            waiting.clear();
            changed.signalAll();
            while (!ended) {
                await();
            }
            if (failure != null) {
                throw failed();
            }
            return document;
        } finally {
            lock.unlock();
        }
    }

    private GenerateException failed() {
        failure.setRedeliveries(redeliveries);
        return failure;
    }

    /** Closes the stream: closes the connection at once and cancels a prediction that is still running. Does nothing after the end. */
    @Override
    public void close() {
        boolean open;
        lock.lock();
        try {
            thrownInTry = NEVER;
            open = !ended;
            closed |= open || !waiting.isEmpty();
            waiting.clear();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (open) {
            cut();
        }
    }

    /** Cancels the work of the provider. */
    void cut() {
        Cancellation cancels;
        lock.lock();
        try {
            cancels = cancellation;
        } finally {
            lock.unlock();
        }
        if (cancels != null) {
            cancels.request();
        }
    }

    /**
     * Whether the exchange with this body has failed, was stopped, or had its failure handled: a {@code split} with
     * {@code stopOnException} continues to read after a failed chunk nevertheless.
     */
    private boolean holderHasFailed() {
        Exchange exchange;
        lock.lock();
        try {
            exchange = holder;
        } finally {
            lock.unlock();
        }
        if (exchange == null) {
            return false;
        }
        ExchangeExtension state = exchange.getExchangeExtension();
        return exchange.getException() != null || exchange.isRouteStop() || state.isErrorHandlerHandledSet() && state.isErrorHandlerHandled();
    }

    private void await() {
        try {
            changed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw interrupted.apply(e);
        }
    }

    /** Closes the stream when this exchange is done, or the exchange to which its completions are handed over. */
    void heldBy(Exchange exchange) {
        lock.lock();
        try {
            holder = exchange;
            redeliveries = CallerReply.redeliveries(exchange);
        } finally {
            lock.unlock();
        }
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void beforeHandover(Exchange target) {
                lock.lock();
                try {
                    holder = target;
                } finally {
                    lock.unlock();
                }
            }

            @Override
            public void onDone(Exchange done) {
                close();
                lock.lock();
                try {
                    holder = null;
                } finally {
                    lock.unlock();
                }
            }
        });
    }

    @Override
    public boolean isTextKept() {
        return textKept;
    }

    /** Waits until the provider has begun to answer or the request has failed. Returns the failure, or null. */
    GenerateException awaitBegin() {
        lock.lock();
        try {
            while (!begun && !ended && !closed) {
                await();
            }
            return begun ? null : failure;
        } finally {
            lock.unlock();
        }
    }

    /** Records that the provider has begun to answer. */
    void begun(Cancellation cutsTheAnswer) {
        lock.lock();
        try {
            begun = true;
            cancellation = cutsTheAnswer;
            changed.signalAll();
            if (!closed && !ended) {
                return;
            }
        } finally {
            lock.unlock();
        }
        cut();
    }

    /** Sets what to do before the next chunk, which begins the answer, and what cuts it before that; replaces what was set before. */
    void onFirstChunk(Runnable begins, Cancellation cutsTheAnswer) {
        firstChunk = begins;
        lock.lock();
        try {
            cancellation = cutsTheAnswer;
            if (!closed && !ended) {
                return;
            }
        } finally {
            lock.unlock();
        }
        cut();
    }

    /** Passes a chunk to the reader and waits while its buffer is full. Returns false if the reader is closed. */
    @Override
    public boolean put(String chunk) throws InterruptedException {
        Runnable begins = firstChunk;
        if (begins != null) {
            firstChunk = null;
            begins.run();
        }
        return add(chunk);
    }

    private boolean add(String chunk) throws InterruptedException {
        lock.lock();
        try {
            while (waiting.size() == MOST_WAITING && !closed && !ended) {
                changed.await();
            }
            if (closed || ended) {
                return false;
            }
            if (!discarding) {
                waiting.add(chunk);
                if (waiting.size() == 1) {
                    changed.signalAll();
                }
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Records the outcome of the request. Only the first call has an effect. */
    void end(String result, GenerateException reason) {
        lock.lock();
        try {
            if (!ended) {
                ended = true;
                document = result;
                failure = reason;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }
}
