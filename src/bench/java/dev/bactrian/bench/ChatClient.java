package dev.bactrian.bench;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** What is compared: a client that asks for one chat completion and reads the answer as it streams in. */
public interface ChatClient {

    /** The question that every client asks. */
    String QUESTION = "Which animal has two humps?";

    /** Threads for clients that have no asynchronous way of asking. */
    ExecutorService THREADS = Executors.newCachedThreadPool(work -> {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    });

    /**
     * Asks, and waits for the answer's end.
     *
     * @param first called when the first piece of text is there
     * @return how many pieces of text came
     */
    int chat(Runnable first) throws Exception;

    /** Asks without waiting: the client's own asynchronous way where it has one, else a thread for each question. */
    default CompletableFuture<Integer> chatAsync(Runnable first) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return chat(first);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }, THREADS);
    }
}
