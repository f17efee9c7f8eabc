package dev.bactrian.replicate;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Verifies that a webhook comes from the service and is recent (Replicate documentation, Verify webhooks). */
final class WebhookSignature {

    private static final Duration TOLERANCE = Duration.ofMinutes(5);
    private static final String VERSION = "v1,";

    private final List<byte[]> secrets;

    /**
     * Creates a verifier.
     *
     * @param secrets the keys, any of which may have been used
     */
    WebhookSignature(List<byte[]> secrets) {
        this.secrets = secrets;
    }

    /**
     * Whether one of the signatures matches the message, and its time is within 5 minutes of now.
     *
     * @param id         the header {@code webhook-id}
     * @param timestamp  the header {@code webhook-timestamp}, in Unix seconds
     * @param signatures the header {@code webhook-signature}, separated by blanks; only {@code v1,…} are considered
     * @param body       the bytes as received
     */
    boolean isValid(String id, String timestamp, String signatures, byte[] body, Instant now) {
        if (id == null || timestamp == null || signatures == null || !isRecent(timestamp, now)) {
            return false;
        }
        boolean valid = false;
        for (byte[] secret : secrets) {
            byte[] expected = sign(secret, id, timestamp, body);
            for (String signature : signatures.split(" ")) {
                valid |= signature.startsWith(VERSION) && MessageDigest.isEqual(expected,
                        signature.substring(VERSION.length()).getBytes(StandardCharsets.UTF_8));
            }
        }
        return valid;
    }

    private static boolean isRecent(String timestamp, Instant now) {
        try {
            long age = Math.subtractExact(now.getEpochSecond(), Long.parseLong(timestamp.trim()));
            return age <= TOLERANCE.toSeconds() && age >= -TOLERANCE.toSeconds();
        } catch (NumberFormatException | ArithmeticException e) {
            return false;
        }
    }

    private static byte[] sign(byte[] secret, String id, String timestamp, byte[] body) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
            return Base64.getEncoder().encode(mac.doFinal(body));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }
}
