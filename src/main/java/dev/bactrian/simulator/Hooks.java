package dev.bactrian.simulator;

import java.io.IOException;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

import com.fasterxml.jackson.databind.JsonNode;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Calls the webhook of a create after its prediction has ended. */
final class Hooks {

    private static final int PATIENCE_MILLIS = 5000;

    private final byte[] key;
    private final Duration delay;
    private final int copies;
    private final Queue<Integer> answers = new ConcurrentLinkedQueue<>();

    /**
     * @param secret the signing key: {@code whsec_} and base64; null: no webhooks are sent
     * @param delay  the time from the create to the end of its prediction
     * @param copies how often each webhook is sent
     */
    Hooks(String secret, Duration delay, int copies) {
        this.key = secret == null ? null : Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
        this.delay = delay;
        this.copies = copies;
    }

    Duration delay() {
        return delay;
    }

    /** Returns the statuses of the answers to webhooks; 0 for a webhook without an answer. */
    List<Integer> answers() {
        return List.copyOf(answers);
    }

    void reset() {
        answers.clear();
    }

    /** Whether the create asks for a webhook at the end of its prediction. */
    boolean wanted(JsonNode create) {
        JsonNode events = create.path("webhook_events_filter");
        boolean completed = events.isMissingNode();
        for (JsonNode event : events) {
            completed |= event.asText().equals("completed");
        }
        return key != null && completed && create.path("webhook").isTextual();
    }

    /** Sends the copies of a webhook, all with the same id. */
    void send(String address, String id, byte[] body) {
        for (int i = 0; i < copies; i++) {
            answers.add(post(address, id, body));
        }
    }

    private int post(String address, String id, byte[] body) {
        try {
            HttpURLConnection connection = (HttpURLConnection) URI.create(address).toURL().openConnection();
            String timestamp = Long.toString(Instant.now().getEpochSecond());
            connection.setInstanceFollowRedirects(false);
            connection.setConnectTimeout(PATIENCE_MILLIS);
            connection.setReadTimeout(PATIENCE_MILLIS);
            connection.setRequestMethod("POST");
            connection.setDoOutput(true);
            connection.setRequestProperty("Content-Type", "application/json");
            connection.setRequestProperty("webhook-id", id);
            connection.setRequestProperty("webhook-timestamp", timestamp);
            connection.setRequestProperty("webhook-signature", "v1," + sign(id + "." + timestamp + ".", body));
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body);
            }
            return connection.getResponseCode();
        } catch (IOException | IllegalArgumentException e) {
            return 0;
        }
    }

    private String sign(String head, byte[] body) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            mac.update(head.getBytes(StandardCharsets.UTF_8));
            return Base64.getEncoder().encodeToString(mac.doFinal(body));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}
