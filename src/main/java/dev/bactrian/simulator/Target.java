package dev.bactrian.simulator;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The meaning of a request's URL.
 *
 * @param call    the kind of call; null for an unknown URL
 * @param dialect the service and API of the URL
 * @param name    the id of a prediction, the {@code owner/name} of a model, the query of a list, or null
 */
record Target(Call call, Dialect dialect, String name) {

    /** A service and its API. */
    enum Dialect { REPLICATE, HOMEPAGE, UPSTAGE, PLAYGROUND, STREAMS, FILES, NONE }

    private static final Target NOWHERE = new Target(null, Dialect.NONE, null);
    private static final Pattern PREDICTION = Pattern.compile("/v1/predictions/([^/]+)(/cancel)?");
    private static final Pattern MODEL = Pattern.compile("/v1/models/([^/]+/[^/]+)/predictions");
    private static final Pattern STREAM = Pattern.compile("/v1/streams/([^/]+)");
    private static final Pattern FILE = Pattern.compile("/files/([^/]+)/out-[0-9]+\\.png");
    private static final Pattern ID = Pattern.compile("(?:^|&)id=([^&]*)");

    static Target of(String method, String path, String query) {
        return switch (method) {
            case "POST" -> post(path);
            case "GET" -> get(path, query == null ? "" : query);
            default -> NOWHERE;
        };
    }

    private static Target post(String path) {
        switch (path) {
            case "/v1/predictions":
                return new Target(Call.CREATE, Dialect.REPLICATE, null);
            case "/v1/files":
                return new Target(Call.UPLOAD, Dialect.REPLICATE, null);
            case "/v1/chat/completions":
                return new Target(Call.CHAT, Dialect.UPSTAGE, null);
            case "/v1/web/demo/chat/completions":
                return new Target(Call.CHAT, Dialect.PLAYGROUND, null);
            case "/api/prediction":
                return new Target(Call.CREATE, Dialect.HOMEPAGE, null);
            default:
        }
        Matcher model = MODEL.matcher(path);
        if (model.matches()) {
            return new Target(Call.CREATE, Dialect.REPLICATE, model.group(1));
        }
        Matcher prediction = PREDICTION.matcher(path);
        return prediction.matches() && prediction.group(2) != null
                ? new Target(Call.CANCEL, Dialect.REPLICATE, prediction.group(1))
                : NOWHERE;
    }

    private static Target get(String path, String query) {
        Matcher prediction = PREDICTION.matcher(path);
        if (prediction.matches() && prediction.group(2) == null) {
            return new Target(Call.POLL, Dialect.REPLICATE, prediction.group(1));
        }
        if (path.equals("/v1/predictions")) {
            return new Target(Call.LIST, Dialect.REPLICATE, query);
        }
        if (path.equals("/v1/models")) {
            return new Target(Call.MODELS, Dialect.UPSTAGE, null);
        }
        if (path.equals("/api/poll")) {
            Matcher id = ID.matcher(query);
            return new Target(Call.POLL, Dialect.HOMEPAGE, id.find() ? id.group(1) : "");
        }
        Matcher stream = STREAM.matcher(path);
        if (stream.matches()) {
            return new Target(Call.STREAM, Dialect.STREAMS, stream.group(1));
        }
        Matcher file = FILE.matcher(path);
        return file.matches() ? new Target(Call.FILE, Dialect.FILES, file.group(1)) : NOWHERE;
    }
}
