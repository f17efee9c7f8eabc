package dev.bactrian.simulator;

/** The kinds of call a client makes; a kind covers both the official and the keyless form of an address. */
public enum Call {
    /** Create a prediction: {@code POST /v1/predictions}, {@code /v1/models/{o}/{n}/predictions}, {@code /api/prediction}. */
    CREATE,
    /** A poll of a prediction: {@code GET /v1/predictions/{id}}, {@code /api/poll?id=}. */
    POLL,
    /** Cancel a prediction: {@code POST /v1/predictions/{id}/cancel}. */
    CANCEL,
    /** Read the output of a prediction as it is made: {@code GET /v1/streams/{id}}. */
    STREAM,
    /** Chat: {@code POST /v1/chat/completions}, {@code /v1/web/demo/chat/completions}. */
    CHAT,
    /** List the models: {@code GET /v1/models}. */
    MODELS,
    /** Fetch an output file: {@code GET /files/{id}/out-0.png}. */
    FILE
}
