package dev.bactrian.generate;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.regex.Pattern;

import dev.bactrian.model.Model;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.text.Fingerprint;

/**
 * A request whose model is resolved. Immutable.
 *
 * @param id        the id that the request has or was given
 * @param request   the request as read
 * @param model     the resolved model
 * @param recallKey the key of the request in the ledger of predictions, or null if the request cannot be repeated (its id was generated)
 *                  or leaves no prediction at the provider
 * @param startedAt when the request was read
 * @param startNano the same time by {@link System#nanoTime()}
 * @param account   the key of the account, or null for none
 * @param formerKey the {@code recallKey} that an earlier version would have assigned, or null if it is the same
 * @param token     the name of the token that its calls use, or null if there is only one
 */
public record Generation(String id, GenerateRequest request, Model model, String recallKey, Instant startedAt, long startNano,
        String account, String formerKey, String token) {

    private static final Pattern TOKEN = Pattern.compile("[0-9a-f]{24}");

    /** Returns a request that starts now. Its key distinguishes requests with the same id, and deliveries of one request. */
    public static Generation begin(String id, GenerateRequest request, Model model, boolean mayComeAgain, String delivery) {
        String key = mayComeAgain ? id + "-" + fingerprint(model.toString() + request + delivery) : null;
        return new Generation(id, request, model, key, Instant.now(), System.nanoTime(), null, null, null);
    }

    /** Returns a request that was started before, by this process or another. */
    public static Generation resume(String id, GenerateRequest request, Model model, String recallKey, Instant startedAt) {
        long startNano = System.nanoTime() - Duration.between(startedAt, Instant.now()).toNanos();
        return new Generation(id, request, model, recallKey, startedAt, startNano, null, null, null);
    }

    /**
     * Returns the same request with an account.
     *
     * @param owner the account's fingerprint, which is the same after a restart
     */
    public Generation with(String accountKey, String owner) {
        return new Generation(id, request, model, recallKey == null ? null : recallKey + "-" + owner, startedAt, startNano, accountKey,
                formerKey == null ? null : formerKey + "-" + owner, token);
    }

    /** Returns the same request with the key for the id that an earlier version would have derived, so that its predictions are found. */
    public Generation formerly(String formerId) {
        return recallKey == null || formerId.equals(id) ? this : new Generation(id, request, model, recallKey, startedAt, startNano, account,
                formerId + recallKey.substring(id.length()), token);
    }

    /** Returns the same request with the token of that name, or without one if it is null or not the name of a token. */
    public Generation using(String tokenName) {
        String name = tokenName != null && TOKEN.matcher(tokenName).matches() ? tokenName : null;
        return Objects.equals(name, token) ? this : new Generation(id, request, model, recallKey, startedAt, startNano, account, formerKey, name);
    }

    /** Returns a fingerprint of the text, 24 hexadecimal digits, which does not reveal it. */
    public static String fingerprint(String text) {
        return Fingerprint.of(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Returns the name of the provider. */
    public String getProvider() {
        return model.provider().toString();
    }

    /** Returns the id of the model. */
    public String getModelId() {
        return model.id();
    }

    /** Returns the time since the start. */
    public Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - startNano);
    }
}
