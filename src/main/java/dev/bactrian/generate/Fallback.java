package dev.bactrian.generate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.model.Cost;
import dev.bactrian.model.Model;
import dev.bactrian.text.OneLine;

/**
 * The models that a request may still go on to, and those that it has tried. Immutable.
 *
 * @param next      the models to try if the present one does not answer, in this order
 * @param afterPaid whether to go on even if the present model's work may have been paid for
 * @param key       the key of the request from which those of further models are derived, or null if the request cannot be repeated
 * @param tried     the models that have failed, in the order of the attempts
 * @param keys      the keys of those models in the ledger
 */
public record Fallback(List<Model> next, boolean afterPaid, String key, List<Attempt> tried, List<String> keys) {

    /** No other model. */
    public static final Fallback NONE = new Fallback(List.of(), false, null, List.of(), List.of());

    /**
     * An attempt of a model.
     *
     * @param model    the id of the model
     * @param provider the name of its provider
     * @param type     the {@code error.type} of its failure, or null if it has answered
     * @param message  the {@code error.message}, one line without secrets
     * @param cost     what it has cost, or null if that is unknown
     */
    public record Attempt(String model, String provider, String type, String message, Cost cost) {

        /** Returns an attempt that has failed. */
        static Attempt of(Generation generation, GenerationFailure failure, Cost cost) {
            return new Attempt(generation.getModelId(), generation.getProvider(), failure == null ? null : failure.type().toString(),
                    failure == null ? null : OneLine.of(failure.getMessage()), cost);
        }

        /** Returns the attempt as the result and error documents contain it. */
        ObjectNode document() {
            ObjectNode document = JsonNodeFactory.instance.objectNode().put("model", model).put("provider", provider);
            if (type != null) {
                document.putObject("error").put("type", type).put("message", message);
            }
            if (cost != null) {
                document.set("cost", cost.document());
            }
            return document;
        }
    }

    /** Creates a fallback with copies of the lists. */
    public Fallback {
        next = List.copyOf(next);
        tried = List.copyOf(tried);
        keys = List.copyOf(keys);
    }

    /** Returns the fallback of a request that has tried no model yet. Leaves out the first model and models that are listed twice. */
    static Fallback begin(Model first, List<Model> models, boolean afterPaid, String key) {
        LinkedHashMap<String, Model> distinct = new LinkedHashMap<>();
        models.forEach(model -> distinct.putIfAbsent(model.provider() + " " + model.id(), model));
        distinct.remove(first.provider() + " " + first.id());
        return distinct.isEmpty() ? NONE : new Fallback(List.copyOf(distinct.values()), afterPaid, key, List.of(), List.of());
    }

    /** Whether there is another model to go on to. */
    public boolean hasNext() {
        return !next.isEmpty();
    }

    /** Returns the fallback after the present model has failed; the attempt is null if it is not known how. */
    Fallback after(Attempt failed, String usedKey) {
        return new Fallback(next.subList(1, next.size()), afterPaid, key, failed == null ? tried : with(tried, failed),
                usedKey == null ? keys : with(keys, usedKey));
    }

    /** Returns the same with the key of an account's request. */
    Fallback owned(String ownedKey) {
        return this == NONE ? NONE : new Fallback(next, afterPaid, ownedKey, tried, keys);
    }

    /** Returns the same with other models to go on to. */
    public Fallback to(List<Model> models) {
        return new Fallback(models, afterPaid, key, tried, keys);
    }

    /**
     * Returns the list {@code attempts} of a document: all models that were tried, in order, the present one last.
     *
     * @param present the failure of the present model, or null if it has answered
     */
    ArrayNode attempts(Generation generation, GenerationFailure present) {
        ArrayNode attempts = JsonNodeFactory.instance.arrayNode();
        with(tried, Attempt.of(generation, present, null)).forEach(attempt -> attempts.add(attempt.document()));
        return attempts;
    }

    private static <T> List<T> with(List<T> list, T added) {
        List<T> longer = new ArrayList<>(list);
        longer.add(added);
        return longer;
    }
}
