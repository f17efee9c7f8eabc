package dev.bactrian.fuzz;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.request.RequestId;
import dev.bactrian.text.Unicode;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultExchange;

/** Requests as text, bytes, streams and maps: good ones, and any bytes. What is taken can be sent. */
final class Requests {

    private static final Set<ErrorType> REFUSALS = Checks.types(ErrorType.INVALID_REQUEST, ErrorType.UNSUPPORTED_MODEL);
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private Requests() {
    }

    static Case next(Dice dice) {
        long seed = dice.seed();
        if (dice.oneIn(10)) {
            Map<Object, Object> map = map(dice, 4);
            return Case.exactly(String.valueOf(map.keySet()).getBytes(StandardCharsets.UTF_8), input -> take(map, null));
        }
        if (dice.oneIn(10)) {
            return Case.any(dice.text(3).getBytes(StandardCharsets.UTF_16BE), Requests::names);
        }
        if (dice.oneIn(4)) {
            String prompt = dice.someText(6);
            ObjectNode good = NODES.objectNode().put(dice.oneIn(2) ? "prompt" : "x", prompt);
            if (good.has("x")) {
                good = NODES.objectNode();
                good.putArray("messages").addObject().put("role", "user").put("content", prompt);
            }
            good.put("seed", 7);
            return Case.exactly(dice.write(good).getBytes(StandardCharsets.UTF_8), input -> good(input, prompt));
        }
        byte[] bytes = dice.write(request(dice)).getBytes(StandardCharsets.UTF_8);
        byte[] changed = dice.oneIn(4) ? bytes : dice.mutate(bytes);
        String type = dice.of("application/json", "application/json", null, "text/plain");
        return Case.any(changed, input -> anyBytes(input, type, seed));
    }

    private static void anyBytes(byte[] input, String type, long seed) {
        String bytes = outcome(take(input, type));
        Finding.unlessEqual(bytes, outcome(take(new ByteArrayInputStream(input), type)), "bytes and a stream of them are one request");
        String text = new String(input, StandardCharsets.UTF_8);
        String asText = outcome(take(text, type));
        if (Arrays.equals(text.getBytes(StandardCharsets.UTF_8), input)) {
            Finding.unlessEqual(bytes, asText, "bytes and text are one request");
        }
        // Text may hold what bytes can't: halves of pairs.
        int at = text.isEmpty() ? 0 : (int) Math.floorMod(seed, (long) text.length());
        take(text.substring(0, at) + "\ud83d" + text.substring(at), type);
    }

    private static String outcome(Generation generation) {
        return generation == null ? null : generation.request().toString();
    }

    private static void good(byte[] input, String prompt) {
        Generation generation = take(input, null);
        if (prompt.isBlank()) {
            Finding.unless(generation == null, "a blank prompt is refused", "");
            return;
        }
        Finding.unless(generation != null, "a good request is taken", "");
        JsonNode chat = Checks.json(Product.UPSTAGE.body(generation), "the body for Upstage");
        Finding.unlessEqual(Unicode.valid(prompt), chat.at("/messages/0/content").asText(), "the prompt is sent as it is");
        Finding.unlessEqual(7, chat.path("seed").intValue(), "other fields are sent as they are");
    }

    /** The request of a body, its bodies for both services checked; null where it is refused as it may be. */
    private static Generation take(Object body, String type) {
        Exchange exchange = new DefaultExchange(Product.CONTEXT);
        exchange.getMessage().setBody(body);
        exchange.getMessage().setHeader(Exchange.CONTENT_TYPE, type);
        Generation generation;
        try {
            generation = Product.INTAKE.take(exchange);
        } catch (GenerationFailure e) {
            Checks.error(null, e, "", null, REFUSALS);
            Finding.unless(e.requestId() == null || RequestId.isValid(e.requestId()), "a refused request's id is one", e.requestId());
            return null;
        } catch (IOException e) {
            throw new Finding("reading from memory works", e.toString());
        }
        Finding.unless(RequestId.isValid(generation.id()), "a request's id is one", Fuzz.shown(generation.id()));
        Checks.json(Product.UPSTAGE.body(generation), "the body for Upstage");
        Checks.json(Product.REPLICATE.body(generation), "the body for Replicate");
        Checks.written(Documents.result(generation, NODES.objectNode().put("text", "")), "a result");
        return generation;
    }

    /** Two names do not become one id. */
    private static void names(byte[] input) {
        String name = new String(input, StandardCharsets.UTF_16BE);
        String other = name.isEmpty() ? "x" : name.substring(0, name.length() - 1) + (char) (name.charAt(name.length() - 1) + 1);
        String id = RequestId.fit(name);
        Finding.unless(RequestId.isValid(id), "a name is made to fit", Fuzz.shown(id));
        Finding.unless(!id.equals(RequestId.fit(other)), "names that differ in a character keep apart", id);
    }

    private static ObjectNode request(Dice dice) {
        ObjectNode request = NODES.objectNode();
        if (dice.oneIn(3)) {
            request.put("id", dice.of("a", "a-b.c_d", ".a", "", "a/b", "x".repeat(129), "한글", "\ud83d"));
        }
        if (dice.oneIn(3)) {
            request.put("model", dice.of("solar-pro4", "stability-ai/stable-diffusion-3", "someone/something", "someone/something:abc", "no such", "a/b/c", "",
                    dice.text(2), "a/" + dice.text(1)));
        }
        if (dice.oneIn(3)) {
            request.put("provider", dice.of("upstage", "replicate", "Replicate", "other", ""));
        }
        if (dice.oneIn(4)) {
            request.put("kind", dice.of("text", "image", "video"));
        }
        if (dice.oneIn(4)) {
            request.set("n", dice.of(NODES.numberNode(1), NODES.numberNode(2), NODES.textNode("1"), Dice.raw("1e999999999"), NODES.nullNode()));
        }
        if (dice.oneIn(3)) {
            request.set("stream", dice.json(1));
        }
        if (dice.oneIn(2)) {
            request.put("prompt", dice.text(4));
        }
        if (dice.oneIn(2)) {
            ArrayNode messages = request.putArray("messages");
            for (int i = dice.below(4); i > 0; i--) {
                ObjectNode message = messages.addObject().put("role", dice.of("user", "user", "assistant", "system", "developer", "tool", "other"));
                if (dice.oneIn(3)) {
                    ArrayNode parts = message.putArray("content");
                    for (int part = dice.below(3); part > 0; part--) {
                        parts.addObject().put("type", dice.of("text", "image_url")).set("text", dice.oneIn(4) ? dice.json(1) : NODES.textNode(dice.text(3)));
                    }
                } else {
                    message.set("content", dice.oneIn(5) ? dice.json(2) : NODES.textNode(dice.text(4)));
                }
                if (dice.oneIn(5)) {
                    message.set(dice.of("tool_calls", "tool_call_id", "name"), dice.json(2));
                }
            }
        }
        for (int i = dice.below(3); i > 0; i--) {
            request.set(dice.of("temperature", "seed", "stop", "tools", "response_format", "width", dice.text(2)), dice.json(3));
        }
        return request;
    }

    /** A map as a host might send one, with values that are no JSON. */
    private static Map<Object, Object> map(Dice dice, int depth) {
        Map<Object, Object> map = new HashMap<>();
        map.put(dice.of("prompt", "messages", "x"), dice.oneIn(3) ? value(dice, depth) : dice.text(3));
        for (int i = dice.below(3); i > 0; i--) {
            map.put(dice.oneIn(10) ? dice.of((Object) null, 7, 'c') : dice.of("seed", "id", "model", "n", dice.text(1)), value(dice, depth));
        }
        return map;
    }

    private static Object value(Dice dice, int depth) {
        return switch (dice.below(depth > 0 ? 15 : 10)) {
            case 0 -> null;
            case 1 -> Double.NaN;
            case 2 -> Float.NEGATIVE_INFINITY;
            case 3 -> new java.math.BigDecimal("1e999999");
            case 4 -> dice.text(3).getBytes(StandardCharsets.UTF_8);
            case 5 -> dice.of('x', '\ud83d', '\u0000');
            case 6 -> new Object();
            case 7 -> Optional.of("x");
            case 8 -> dice.below(100);
            case 9 -> dice.text(3);
            case 10 -> {
                List<Object> list = new ArrayList<>();
                list.add(dice.oneIn(5) ? list : value(dice, depth - 1));
                yield list;
            }
            case 11 -> new StringBuilder(dice.text(2));
            case 12 -> Collections.singletonMap(dice.text(1), value(dice, depth - 1));
            case 13 -> {
                Object nested = "x";
                for (int i = dice.below(1200); i > 0; i--) {
                    nested = List.of(nested);
                }
                yield nested;
            }
            default -> map(dice, depth - 1);
        };
    }
}
