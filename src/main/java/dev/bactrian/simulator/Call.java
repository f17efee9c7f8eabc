package dev.bactrian.simulator;

/** The kinds of calls. Each covers both the official and the keyless URL. */
public enum Call {
    /** Creates a prediction: {@code POST /v1/predictions}, {@code /v1/models/{o}/{n}/predictions}, {@code /api/prediction}. */
    CREATE,
    /** Polls a prediction: {@code GET /v1/predictions/{id}}, {@code /api/poll?id=}. */
    POLL,
    /** Lists the predictions, newest first: {@code GET /v1/predictions}, with {@code created_after} and {@code created_before}. */
    LIST,
    /** Cancels a prediction: {@code POST /v1/predictions/{id}/cancel}. */
    CANCEL,
    /** Reads the output of a prediction as a stream: {@code GET /v1/streams/{id}}. */
    STREAM,
    /** Chats: {@code POST /v1/chat/completions}, {@code /v1/web/demo/chat/completions}. */
    CHAT,
    /** Lists the models: {@code GET /v1/models}. */
    MODELS,
    /** Downloads an output file: {@code GET /files/{id}/out-0.png}. */
    FILE,
    /** Uploads a file: {@code POST /v1/files}. */
    UPLOAD
}
