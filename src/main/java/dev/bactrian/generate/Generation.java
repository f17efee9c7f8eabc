package dev.bactrian.generate;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;

import dev.bactrian.model.Model;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.text.Fingerprint;

/**
 * A request in work: what was asked, of which model, since when. The exchange variable {@code generation} of the
 * routes; immutable.
 *
 * @param id        the request's id, its own or the default
 * @param request   what was asked
 * @param model     the model it resolved to
 * @param recallKey what the ledger of predictions knows it by, or null where it cannot come again (an id nobody gave)
 *                  or leaves nothing at its provider
 * @param startedAt when it was taken
 * @param startNano the same by the clock that measures durations
 * @param account   the key of the account that it is made with, or null for none
 * @param formerKey the {@code recallKey} that an earlier version would have given it, or null where that was the same
 */
public record Generation(String id, GenerateRequest request, Model model, String recallKey, Instant startedAt, long startNano,
        String account, String formerKey) {

    /** A request taken now. The key tells apart two requests of one id and one delivery of a request from another. */
    public static Generation begin(String id, GenerateRequest request, Model model, boolean mayComeAgain, String delivery) {
        String key = mayComeAgain ? id + "-" + fingerprint(model.toString() + request + delivery) : null;
        return new Generation(id, request, model, key, Instant.now(), System.nanoTime(), null, null);
    }

    /** A request that was taken before, by this process or another. */
    public static Generation resume(String id, GenerateRequest request, Model model, String recallKey, Instant startedAt) {
        long startNano = System.nanoTime() - Duration.between(startedAt, Instant.now()).toNanos();
        return new Generation(id, request, model, recallKey, startedAt, startNano, null, null);
    }

    /**
     * The same, made with an account.
     *
     * @param owner what tells its predictions from another account's, also after a restart
     */
    public Generation with(String accountKey, String owner) {
        return new Generation(id, request, model, recallKey == null ? null : recallKey + "-" + owner, startedAt, startNano, accountKey,
                formerKey == null ? null : formerKey + "-" + owner);
    }

    /** The same, whose id an earlier version would have made another: a prediction of then is found. */
    public Generation formerly(String formerId) {
        return recallKey == null || formerId.equals(id) ? this : new Generation(id, request, model, recallKey, startedAt, startNano, account,
                formerId + recallKey.substring(id.length()));
    }

    /** What tells texts apart without showing them: 24 hexadecimal digits. */
    public static String fingerprint(String text) {
        return Fingerprint.of(text.getBytes(StandardCharsets.UTF_8));
    }

    /** For the routes: who runs the model. */
    public String getProvider() {
        return model.provider().toString();
    }

    /** For the routes: the model's id. */
    public String getModelId() {
        return model.id();
    }

    /** How long it has been in work. */
    public Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - startNano);
    }
}
