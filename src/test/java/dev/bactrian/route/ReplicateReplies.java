package dev.bactrian.route;

import dev.bactrian.simulator.Reply;

/** Answers of Replicate written by hand, so that a test says every field of them. */
final class ReplicateReplies {

    private ReplicateReplies() {
    }

    /** A create that was accepted: the prediction {@code p1}, waiting to start. */
    static Reply created() {
        return created("p1");
    }

    static Reply created(String id) {
        return Reply.json(201, "{\"id\": \"" + id + "\", \"status\": \"starting\", \"output\": null}");
    }

    /** A look that finds {@code p1} in that state, with nothing else said. */
    static Reply look(String status) {
        return Reply.json(200, "{\"id\": \"p1\", \"status\": \"" + status + "\"}");
    }

    /** A look that finds {@code p1} succeeded. */
    static Reply succeeded(String output) {
        return Reply.json(200, "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": " + output + "}");
    }

    /** A look that finds {@code p1} failed. */
    static Reply failed(String error, String logs) {
        return Reply.json(200, "{\"id\": \"p1\", \"status\": \"failed\", \"error\": " + error + ", \"logs\": " + logs + "}");
    }
}
