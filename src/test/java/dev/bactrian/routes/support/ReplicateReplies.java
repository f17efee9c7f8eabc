package dev.bactrian.routes.support;

import dev.bactrian.simulator.Reply;

/** Answers of Replicate written by hand, so that a test says every field of them. */
public final class ReplicateReplies {

    private ReplicateReplies() {
    }

    /** A create that was accepted: the prediction {@code p1}, waiting to start. */
    public static Reply created() {
        return created("p1");
    }

    public static Reply created(String id) {
        return Reply.json(201, "{\"id\": \"" + id + "\", \"status\": \"starting\", \"output\": null}");
    }

    /** A poll that finds the prediction in that state, with nothing else said, its id neither. */
    public static Reply poll(String status) {
        return Reply.json(200, "{\"status\": \"" + status + "\"}");
    }

    /** A poll that finds it succeeded. */
    public static Reply succeeded(String output) {
        return Reply.json(200, "{\"status\": \"succeeded\", \"output\": " + output + "}");
    }

    /** A poll that finds it failed. */
    public static Reply failed(String error, String logs) {
        return Reply.json(200, "{\"status\": \"failed\", \"error\": " + error + ", \"logs\": " + logs + "}");
    }
}
