package dev.bactrian.bench;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A compared client, which asks for one chat completion and reads the answer as a stream. */
public interface ChatClient {

    /** The prompt of all clients. */
    String QUESTION = "Which animal has two humps?";

    /** Threads for clients without an asynchronous API: virtual ones where Java has them. */
    ExecutorService THREADS = threads();

    /**
     * Asks, and waits for the end of the answer.
     *
     * @param first called when the first piece of text has arrived
     * @return the number of pieces of text
     */
    int chat(Runnable first) throws Exception;

    /** Asks without waiting: with the client's asynchronous API if it has one, or else on a thread per question. */
    default CompletableFuture<Integer> chatAsync(Runnable first) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return chat(first);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }, THREADS);
    }

    private static ExecutorService threads() {
        try {
            return (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (ReflectiveOperationException e) {
            return Executors.newCachedThreadPool(work -> {
                Thread thread = new Thread(work);
                thread.setDaemon(true);
                return thread;
            });
        }
    }
}
