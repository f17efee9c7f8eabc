package dev.bactrian.generate;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import dev.bactrian.error.GenerationFailure;
import dev.bactrian.model.Cost;
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
 * @param fallback  the other models to try, and those that were tried
 */
public record Generation(String id, GenerateRequest request, Model model, String recallKey, Instant startedAt, long startNano,
        String account, String formerKey, String token, Fallback fallback) {

    private static final Pattern TOKEN = Pattern.compile("[0-9a-f]{24}");

    /** Returns a request that starts now. Its key distinguishes requests with the same id, and deliveries of one request. */
    public static Generation begin(String id, GenerateRequest request, Model model, boolean mayComeAgain, String delivery) {
        String key = mayComeAgain ? key(id, request, model, delivery) : null;
        return new Generation(id, request, model, key, Instant.now(), System.nanoTime(), null, null, null, Fallback.NONE);
    }

    /** Returns a request that was started before, by this process or another. */
    public static Generation resume(String id, GenerateRequest request, Model model, String recallKey, Instant startedAt) {
        long startNano = System.nanoTime() - Duration.between(startedAt, Instant.now()).toNanos();
        return new Generation(id, request, model, recallKey, startedAt, startNano, null, null, null, Fallback.NONE);
    }

    private static String key(String id, GenerateRequest request, Model model, String delivery) {
        return id + "-" + fingerprint(model.toString() + request.forKey() + delivery);
    }

    /**
     * Returns the same request with other models to try.
     *
     * @param mayComeAgain whether the request may be repeated
     * @param delivery     distinguishes deliveries of the request
     */
    public Generation fallingBackTo(List<Model> models, boolean mayComeAgain, String delivery) {
        return models.isEmpty() ? this : with(Fallback.begin(model, models, Boolean.TRUE.equals(request.fallbackAfterPaid()),
                mayComeAgain ? key(id, request, model, delivery) : null));
    }

    /** Returns the same request with that state of its fallback. */
    public Generation with(Fallback other) {
        return new Generation(id, request, model, recallKey, startedAt, startNano, account, formerKey, token, other);
    }

    /** Returns the same request with the next model of its fallback, after the present one has failed; the cost is null if it is unknown. */
    public Generation next(GenerationFailure failure, Cost cost, Predicate<Model> isPolled) {
        return next(Fallback.Attempt.of(this, failure, cost), isPolled);
    }

    /**
     * Returns the same request with the last model of its fallback that holds; empty if none does. The attempts of the models before are
     * not known.
     */
    public Optional<Generation> lastOf(Predicate<Generation> holds, Predicate<Model> isPolled) {
        Generation found = null;
        for (Generation one = this; one.fallback.hasNext();) {
            one = one.next((Fallback.Attempt) null, isPolled);
            found = holds.test(one) ? one : found;
        }
        return Optional.ofNullable(found);
    }

    private Generation next(Fallback.Attempt failed, Predicate<Model> isPolled) {
        Model other = fallback.next().get(0);
        String key = fallback.key() == null || !isPolled.test(other) ? null : id + "-" + fingerprint(fallback.key() + " " + other);
        return new Generation(id, request, other, key, startedAt, startNano, account, null, null, fallback.after(failed, recallKey));
    }

    /** Returns the keys of the request in the ledger: those of its model and of the models that were tried before. */
    public List<String> recallKeys() {
        return Stream.concat(fallback.keys().stream(), Stream.ofNullable(recallKey)).toList();
    }

    /**
     * Returns the same request with an account.
     *
     * @param owner the account's fingerprint, which is the same after a restart
     */
    public Generation with(String accountKey, String owner) {
        return new Generation(id, request, model, owned(recallKey, owner), startedAt, startNano, accountKey, owned(formerKey, owner), token,
                fallback.owned(owned(fallback.key(), owner)));
    }

    private static String owned(String key, String owner) {
        return key == null ? null : key + "-" + owner;
    }

    /** Returns the same request with the key for the id that an earlier version would have derived, so that its predictions are found. */
    public Generation formerly(String formerId) {
        return recallKey == null || formerId.equals(id) ? this : new Generation(id, request, model, recallKey, startedAt, startNano, account,
                formerId + recallKey.substring(id.length()), token, fallback);
    }

    /** Returns the same request with the token of that name, or without one if it is null or not the name of a token. */
    public Generation using(String tokenName) {
        String name = tokenName != null && TOKEN.matcher(tokenName).matches() ? tokenName : null;
        return Objects.equals(name, token) ? this : new Generation(id, request, model, recallKey, startedAt, startNano, account, formerKey, name,
                fallback);
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
