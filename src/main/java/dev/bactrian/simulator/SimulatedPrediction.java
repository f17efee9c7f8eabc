package dev.bactrian.simulator;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A prediction and its state, which advances with polls and not with time: {@code starting} at the first poll, then
 * {@code processing} with more and more output, and ended at the last. Once its stream is read, it advances with the stream.
 */
final class SimulatedPrediction {

    private static final Set<String> TERMINAL = Set.of("succeeded", "failed", "canceled", "aborted");

    private final String id;
    private final String model;
    private final String version;
    private final JsonNode input;
    private final boolean homepage;
    private List<String> pieces;
    private final boolean image;
    private final Instant deadline;
    private final boolean streams;
    private final String webhook;
    private final Instant created = now();
    private Instant started;
    private Instant completed;
    private String status = "starting";
    private JsonNode output = NullNode.instance;
    private JsonNode error = NullNode.instance;
    private String logs = "";
    private int polls;
    private long streamBegan;
    private Duration streamLasts;

    /**
     * @param pieces   the whole output: pieces of text, or URLs of images
     * @param deadline when it ends by itself; null: never
     * @param streams  whether it offers its output as a stream
     * @param webhook  the webhook of its create, or null
     */
    SimulatedPrediction(String id, String model, String version, JsonNode input, boolean homepage, List<String> pieces,
            boolean image, Instant deadline, boolean streams, String webhook) {
        this.id = id;
        this.model = model;
        this.version = version;
        this.input = input;
        this.homepage = homepage;
        this.pieces = pieces;
        this.image = image;
        this.deadline = deadline;
        this.streams = streams;
        this.webhook = webhook;
    }

    String id() {
        return id;
    }

    Instant created() {
        return created;
    }

    boolean image() {
        return image;
    }

    /** Returns the whole output: pieces of text, or URLs of images. */
    synchronized List<String> pieces() {
        return pieces;
    }

    /** Starts the stream of these pieces, with that wait between them, unless the prediction has ended. Returns the pieces to stream. */
    synchronized List<String> stream(List<String> whole, Duration gap) {
        if (!TERMINAL.contains(status)) {
            pieces = whole;
            streamBegan = System.nanoTime();
            streamLasts = gap.multipliedBy(Math.max(0, whole.size() - 1));
            enter("processing");
        }
        return pieces;
    }

    /** Advances by one poll. The prediction ends with poll number {@code needed}. */
    synchronized SimulatedPrediction poll(int needed) {
        if (TERMINAL.contains(status)) {
            return this;
        }
        if (deadline != null && Instant.now().isAfter(deadline)) {
            enter(started == null ? "aborted" : "canceled");
            return this;
        }
        polls++;
        if (streamLasts != null) {
            long passed = System.nanoTime() - streamBegan;
            boolean over = passed >= streamLasts.toNanos();
            output = list(over ? pieces.size() : (int) (pieces.size() * passed / streamLasts.toNanos()));
            enter(over ? "succeeded" : "processing");
        } else if (polls >= needed) {
            output = list(pieces.size());
            logs = "";
            enter("succeeded");
        } else if (polls > 1) {
            int done = pieces.size() * (polls - 1) / Math.max(1, needed - 1);
            if (!image) {
                output = list(done);
            }
            logs = progress(polls - 1, needed - 1);
            enter("processing");
        }
        return this;
    }

    /** Cancels the prediction, unless it has ended. */
    synchronized SimulatedPrediction cancel() {
        if (!TERMINAL.contains(status)) {
            output = NullNode.instance;
            logs = null;
            if (started == null) {
                started = now();
            }
            enter("canceled");
        }
        return this;
    }

    /** Sets the state, as scripted. */
    synchronized SimulatedPrediction become(String status, JsonNode output, JsonNode error) {
        this.output = output == null ? NullNode.instance : output;
        this.error = error == null ? NullNode.instance : error;
        if (status.equals("failed")) {
            logs = "Traceback …\n";
        }
        enter(status);
        return this;
    }

    /** Makes the next poll find the prediction ended. */
    synchronized void almostDone(int needed) {
        polls = Math.max(0, needed - 1);
    }

    private void enter(String next) {
        status = next;
        if (started == null && !next.equals("starting") && !next.equals("aborted")) {
            started = now();
        }
        if (TERMINAL.contains(next)) {
            completed = now();
        }
    }

    /** Returns the object as the service shows it. */
    synchronized ObjectNode json(String base) {
        ObjectNode json = json(status, output, error);
        if (logs == null) {
            json.putNull("logs");
        } else {
            json.put("logs", logs);
        }
        times(json, started, completed);
        urls(json, base);
        return json;
    }

    /** Returns the object in another state, without changing this one. */
    synchronized ObjectNode json(String base, String status, JsonNode output, JsonNode error) {
        return new SimulatedPrediction(id, model, version, input, homepage, pieces, image, deadline, streams, webhook)
                .become(status, output, error)
                .json(base);
    }

    /** Returns the answer to a create that waited for the output: still {@code processing}, without times. */
    synchronized ObjectNode waited(String base, JsonNode output) {
        ObjectNode json = json("processing", output, NullNode.instance);
        json.put("logs", "");
        times(json, null, null);
        urls(json, base);
        return json;
    }

    private ObjectNode json(String status, JsonNode output, JsonNode error) {
        ObjectNode json = Json.object();
        json.put("id", id);
        json.put("model", model);
        json.put("version", version);
        json.set("input", input);
        json.put("status", status);
        json.set("output", output);
        json.set("error", error);
        if (!homepage) {
            json.put("data_removed", false);
            json.put("source", "api");
            if (webhook != null) {
                json.put("webhook", webhook);
            }
        }
        return json;
    }

    private void times(ObjectNode json, Instant started, Instant completed) {
        json.put("created_at", created.toString());
        if (started != null) {
            json.put("started_at", started.toString());
        }
        if (completed != null) {
            json.put("completed_at", completed.toString());
            ObjectNode metrics = json.putObject("metrics");
            if (started != null) {
                metrics.put("predict_time", seconds(started, completed));
            }
            metrics.put("total_time", seconds(created, completed));
        }
        if (deadline != null) {
            json.put("deadline", deadline.toString());
        }
    }

    private void urls(ObjectNode json, String base) {
        if (!homepage) {
            String get = base + "/v1/predictions/" + id;
            ObjectNode urls = json.putObject("urls").put("cancel", get + "/cancel").put("get", get);
            if (streams) {
                urls.put("stream", base + "/v1/streams/" + id);
            }
            urls.put("web", base + "/p/" + id);
        }
    }

    private JsonNode list(int count) {
        var list = Json.object().putArray("list");
        pieces.subList(0, count).forEach(list::add);
        return list;
    }

    private static String progress(int done, int all) {
        int tenths = 10 * done / all;
        return String.format(Locale.ROOT, "%3d%%|%-10s| %d/%d\n", 10 * tenths, "#".repeat(tenths), done, all);
    }

    private static double seconds(Instant from, Instant to) {
        return Duration.between(from, to).toNanos() / 1e9;
    }

    private static Instant now() {
        return Instant.now().truncatedTo(ChronoUnit.MICROS);
    }
}
