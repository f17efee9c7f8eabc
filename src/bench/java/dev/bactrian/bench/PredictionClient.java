package dev.bactrian.bench;

import java.util.concurrent.CompletableFuture;

/** A client that creates a prediction and polls it, at once and then every second, until it has succeeded. */
interface PredictionClient {

    /** Creates one without waiting; completes when it has succeeded. */
    CompletableFuture<Void> predict();
}
