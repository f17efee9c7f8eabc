package dev.bactrian.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.ChunkSource;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.replicate.PollState;
import dev.bactrian.replicate.PredictionOutput;
import dev.bactrian.text.Unicode;

/** Answers about predictions: outputs of every shape, and any bytes. Whatever is taken in can be written. */
final class Predictions {

    private static final Generation TEXT = Product.generation(Product.TEXT);
    private static final Generation IMAGE = Product.generation(Product.IMAGE);
    private static final Generation ANY = Product.generation(Product.ANY);
    private static final Set<ErrorType> FAILURES = EnumSet.of(ErrorType.PROVIDER_UNAVAILABLE, ErrorType.PREDICTION_FAILED, ErrorType.PREDICTION_CANCELED,
            ErrorType.TIMEOUT, ErrorType.EMPTY_OUTPUT);
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final String ID = "k7w2c9q4mnrm80cx5t1v3hz6ea";

    private Predictions() {
    }

    static Case next(Dice dice) {
        ObjectNode prediction = NODES.objectNode().put("id", ID).put("status", dice.oneIn(3)
                ? dice.of("starting", "processing", "failed", "canceled", "aborted", "queued", "", "\ud83d\u001b") : "succeeded");
        List<String> pieces = new ArrayList<>();
        List<String> urls = new ArrayList<>();
        int shape = dice.below(8);
        switch (shape) {
            case 0, 1 -> {
                ArrayNode output = prediction.putArray("output");
                for (int i = dice.below(8); i > 0; i--) {
                    pieces.add(dice.text(3));
                    output.add(pieces.get(pieces.size() - 1));
                }
            }
            case 2 -> {
                pieces.add(dice.text(4));
                prediction.put("output", pieces.get(0));
            }
            case 3 -> {
                ArrayNode output = prediction.putArray("output");
                for (int i = dice.between(1, 3); i > 0; i--) {
                    if (dice.oneIn(4)) {
                        output.addNull();
                    }
                    urls.add("https://replicate.delivery/out-" + i + ".png");
                    output.add(urls.get(urls.size() - 1));
                }
            }
            case 4 -> {
                urls.add("https://replicate.delivery/out.png");
                prediction.put("output", urls.get(0));
            }
            case 5 -> {
                urls.add("https://replicate.delivery/out.png");
                prediction.putObject("output").put("seed", 7).put(dice.of("image", "url", "output"), urls.get(0));
            }
            default -> prediction.set("output", dice.json(4));
        }
        if (dice.oneIn(2)) {
            prediction.set("metrics", dice.oneIn(3) ? dice.json(4) : NODES.objectNode().put("predict_time", 1.5).set("total_time",
                    dice.of(NODES.numberNode(2), Dice.raw("1e999999999"), Dice.raw("-0"))));
        }
        if (dice.oneIn(3)) {
            prediction.set("error", dice.json(2));
        }
        if (dice.oneIn(3)) {
            prediction.set("logs", dice.oneIn(3) ? dice.json(2) : NODES.textNode(dice.text(4)));
        }
        if (dice.oneIn(6)) {
            prediction.set(dice.of("urls", "data_removed", "input", "started_at"), dice.json(3));
        }
        boolean good = prediction.path("status").asText().equals("succeeded") && !prediction.path("data_removed").asBoolean();
        byte[] bytes = dice.write(prediction).getBytes(StandardCharsets.UTF_8);
        if (dice.oneIn(2)) {
            return Case.any(dice.mutate(bytes), Predictions::anyBytes);
        }
        return Case.exactly(bytes, input -> {
            anyBytes(input);
            if (good && shape <= 2) {
                String text = String.join("", pieces);
                Finding.unlessEqual(Unicode.valid(text), answer(TEXT, input).path("text").asText(), "the text is that of the pieces");
            } else if (good && !urls.isEmpty()) {
                List<String> images = new ArrayList<>();
                answer(IMAGE, input).path("images").forEach(image -> images.add(image.path("url").asText()));
                Finding.unlessEqual(urls, images, "every file of an output is in the result");
            }
        });
    }

    private static void anyBytes(byte[] input) {
        answer(TEXT, input);
        answer(IMAGE, input);
        answer(ANY, input);
        String body = new String(input, StandardCharsets.UTF_8);
        try {
            end(ANY, Product.REPLICATE.created(ANY, body));
        } catch (GenerationFailure e) {
            Checks.error(ANY, e, "", null, FAILURES);
        }
    }

    /** The result that is made of an answer to a poll; missing where there is none (yet). */
    private static JsonNode answer(Generation generation, byte[] input) {
        String body = new String(input, StandardCharsets.UTF_8);
        PollState first = Product.REPLICATE.recalled(generation, ID);
        try {
            return end(generation, Product.REPLICATE.seen(generation, first, body));
        } catch (GenerationFailure e) {
            Checks.error(generation, e, "", first.document(), FAILURES);
            return NODES.missingNode();
        }
    }

    private static JsonNode end(Generation generation, PollState poll) {
        if (!poll.isSucceeded()) {
            try {
                Product.REPLICATE.fail(generation, poll);
            } catch (GenerationFailure e) {
                Checks.error(generation, e, "", poll.document(), FAILURES);
            }
            return NODES.missingNode();
        }
        PredictionOutput output;
        try {
            output = Product.REPLICATE.output(generation, poll, null);
        } catch (GenerationFailure e) {
            Checks.error(generation, e, "", poll.document(), FAILURES);
            return NODES.missingNode();
        }
        List<String> chunks = new ArrayList<>();
        for (ChunkSource source = Product.REPLICATE.chunks(generation, output); source.hasNext();) {
            String chunk = source.next();
            if (chunk != null) {
                chunks.add(chunk);
            }
        }
        Finding.unless(!chunks.contains(""), "no chunk is empty", chunks);
        chunks.forEach(chunk -> Checks.utf8(chunk, "a chunk"));
        ObjectNode answer = output.answer();
        answer.set("prediction", poll.document());
        JsonNode written = Checks.written(Documents.result(generation, answer), "a result");
        Finding.unlessEqual(String.join("", chunks), written.path("text").asText(""), "the chunks make up the text");
        if (written.has("chunks")) {
            Finding.unlessEqual(chunks.size(), written.path("chunks").asInt(), "the chunks are counted");
        }
        return written;
    }
}
