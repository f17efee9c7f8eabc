package dev.bactrian.bench;

import java.util.concurrent.CompletableFuture;

/** A client that creates a prediction and polls it, immediately and then every second, until it succeeds. */
interface PredictionClient {

    /** Creates a prediction without waiting. The future completes when it has succeeded. */
    CompletableFuture<Void> predict();
}
