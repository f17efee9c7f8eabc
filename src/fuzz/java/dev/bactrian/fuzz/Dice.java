package dev.bactrian.fuzz;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.POJONode;

/** What is made at random, from the seed of a case: the same seed makes the same case. */
final class Dice {

    private static final List<String> TEXTS = List.of("a", "Hello", " there", "안녕", "하세요 ", "낙타", "🐪", "👩‍👩‍👧", "\ud83d", "\udc2a", "\ud83d\ud83d",
            "\n", "\r\n", "\r", "\t", " ", "\"", "\\", "/", "\u0000", "\u0007", "\u001b[2J", "\u007f", "\u0085", "\u2028", "\u2029", "\ufeff", "\ufffd",
            "\uffff", "[DONE]", "data: [DONE]\n\n", "</script>", "{{sys:x}}", "${body}", "RAW(x)", "null", "0", "\u202e", "ﬁ", "e\u0301", "\\ud83d", ":");
    private static final List<String> NUMBERS = List.of("0", "-0", "1", "7", "-1", "0.5", "1.10", "1e3", "1E400", "-1e-400", "1e999999999", "1e-999999999", "1e9999999999",
            "9223372036854775808", "4294967296", "123456789012345678901234567890", "0.1e1", "2147483648", "9".repeat(400));
    private static final List<String> TOKENS = List.of("\n", "\r", "\r\n", "\n\n", "data: [DONE]\n\n", "data: [DONE]", "data:", "data", "data: {}\n\n", ":", ": ping\n",
            "event: error\n", "event: done\n", "event: output\n", "id: 1\n", "retry: 1\n", "\\ud83d", "\\udc2a", "\\u0000", "\\", "\"", "{", "}", "[", "]", ",", "null",
            "true", "NaN", "-Infinity", "1e999999999", "-0", "01", "1".repeat(1200), "\ufeff", "\"finish_reason\":\"stop\"", "\"finish_reason\":\"error\"",
            "\"error\":{\"message\":\"x\"},", "\"content\":\"y\",", "\"index\":-1,", "\"index\":1000000000,", "\"index\":\"0\",", "\"status\":\"succeeded\",",
            "\"output\":null,", "\"id\":\"\",", "\"id\":7,", "\"messages\":[],", "\"prompt\":\"p\",", "\"n\":2,", "/*x*/", "'", "<html>", "\u0000", "\u001b", "[".repeat(1100),
            "{\"a\":".repeat(600), "]".repeat(600), " ".repeat(5000));

    private final SplittableRandom random;

    Dice(long seed) {
        random = new SplittableRandom(seed);
    }

    long seed() {
        return random.nextLong();
    }

    /** A number from 0 to below that. */
    int below(int bound) {
        return random.nextInt(bound);
    }

    /** A number from the one to the other, both included. */
    int between(int least, int most) {
        return least + random.nextInt(most - least + 1);
    }

    boolean oneIn(int n) {
        return random.nextInt(n) == 0;
    }

    @SafeVarargs
    final <T> T of(T... choices) {
        return choices[random.nextInt(choices.length)];
    }

    <T> T of(List<T> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    /** Text of so many parts at most, with all that is hard to write: halves of pairs, control characters, quotes. */
    String text(int most) {
        StringBuilder text = new StringBuilder();
        for (int parts = below(most + 1); parts > 0; parts--) {
            text.append(oneIn(3) ? of(TEXTS) : oneIn(2) ? "word " : String.valueOf((char) between('a', 'z')));
        }
        return oneIn(500) ? text + "x".repeat(between(8_000, 40_000)) + of(TEXTS) : text.toString();
    }

    /** The same, one character at least. */
    String someText(int most) {
        String text = text(most);
        return text.isEmpty() ? "x" : text;
    }

    /** Any JSON value. */
    JsonNode json(int depth) {
        JsonNodeFactory factory = JsonNodeFactory.instance;
        return switch (below(depth > 0 ? 9 : 6)) {
            case 0 -> factory.nullNode();
            case 1 -> factory.booleanNode(oneIn(2));
            case 2 -> raw(of(NUMBERS));
            case 3, 4 -> factory.textNode(text(4));
            case 5 -> oneIn(40) ? deep(between(10, 960)) : factory.numberNode(below(100));
            case 6 -> {
                ArrayNode list = factory.arrayNode();
                for (int i = below(4); i > 0; i--) {
                    list.add(json(depth - 1));
                }
                yield list;
            }
            default -> object(depth - 1);
        };
    }

    /** Any JSON object. */
    ObjectNode object(int depth) {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        for (int i = below(4); i > 0; i--) {
            object.set(oneIn(3) ? text(2) : String.valueOf((char) between('a', 'f')), json(depth));
        }
        return object;
    }

    /** A list in a list in a list, or objects. */
    private JsonNode deep(int levels) {
        boolean lists = oneIn(2);
        return raw((lists ? "[" : "{\"a\":").repeat(levels) + "1" + (lists ? "]" : "}").repeat(levels));
    }

    /** JSON to be written as it stands. */
    static JsonNode raw(String json) {
        return JsonNodeFactory.instance.pojoNode(json);
    }

    /** Writes JSON as some server might: fields in any order, blanks, escapes. */
    String write(JsonNode json) {
        StringBuilder text = new StringBuilder();
        write(json, text, oneIn(2), oneIn(6));
        return text.toString();
    }

    /** Writes JSON always the same way. */
    String plain(JsonNode json) {
        StringBuilder text = new StringBuilder();
        write(json, text, true, false);
        return text.toString();
    }

    private void write(JsonNode json, StringBuilder text, boolean plain, boolean lines) {
        if (json.isPojo()) {
            text.append(((POJONode) json).getPojo());
        } else if (json.isTextual()) {
            quote(json.textValue(), text, plain);
        } else if (json instanceof ArrayNode list) {
            text.append('[');
            for (int i = 0; i < list.size(); i++) {
                blank(text.append(i == 0 ? "" : ","), plain, lines);
                write(list.get(i), text, plain, lines);
            }
            text.append(']');
        } else if (json instanceof ObjectNode object) {
            text.append('{');
            List<String> names = new ArrayList<>();
            object.fieldNames().forEachRemaining(names::add);
            if (!plain && names.size() > 1 && oneIn(3)) {
                Collections.swap(names, 0, below(names.size()));
            }
            for (int i = 0; i < names.size(); i++) {
                blank(text.append(i == 0 ? "" : ","), plain, lines);
                quote(names.get(i), text, plain);
                blank(text, plain, lines);
                blank(text.append(':'), plain, lines);
                write(object.get(names.get(i)), text, plain, lines);
            }
            blank(text, plain, lines);
            text.append('}');
        } else if (json instanceof DecimalNode number) {
            text.append(number.decimalValue());
        } else {
            text.append(json);
        }
    }

    private void blank(StringBuilder text, boolean plain, boolean lines) {
        if (!plain && oneIn(4)) {
            text.append(lines && oneIn(2) ? "\n" : " ");
        }
    }

    private void quote(String value, StringBuilder text, boolean plain) {
        text.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            boolean half = Character.isSurrogate(c);
            if (half && !plain && Character.isHighSurrogate(c) && i + 1 < value.length() && Character.isLowSurrogate(value.charAt(i + 1)) && oneIn(2)) {
                text.append(c).append(value.charAt(++i));
            } else if (half || c < ' ' || c == 0x7f || !plain && oneIn(30)) {
                text.append(c == '\n' && oneIn(2) ? "\\n" : escape(c, oneIn(2)));
            } else if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else {
                text.append(c);
            }
        }
        text.append('"');
    }

    private static String escape(char c, boolean small) {
        HexFormat hex = small ? HexFormat.of() : HexFormat.of().withUpperCase();
        return "\\u" + hex.toHexDigits(c);
    }

    /** The bytes changed a few times: parts taken out, doubled, put in, cut off, flipped. */
    byte[] mutate(byte[] bytes) {
        byte[] now = bytes;
        for (int i = between(1, 6); i > 0; i--) {
            int at = below(now.length + 1);
            int to = Math.min(now.length, at + 1 + below(oneIn(2) ? 4 : 60));
            now = switch (below(8)) {
                case 0 -> splice(now, at, to);
                case 1 -> splice(now, at, at, Arrays.copyOfRange(now, at, to));
                case 2 -> splice(now, at, at, of(TOKENS).getBytes(StandardCharsets.UTF_8));
                case 3 -> splice(now, at, to, of(TOKENS).getBytes(StandardCharsets.UTF_8));
                case 4 -> splice(now, at, at, new byte[] {(byte) below(256)});
                case 5 -> at == now.length ? now : splice(now, at, at + 1, new byte[] {(byte) (now[at] ^ 1 << below(8))});
                case 6 -> oneIn(4) ? Arrays.copyOf(now, at) : now;
                default -> {
                    int from = below(now.length + 1);
                    yield splice(now, at, at, Arrays.copyOfRange(now, from, Math.min(now.length, from + below(200))));
                }
            };
        }
        return now;
    }

    private static byte[] splice(byte[] bytes, int from, int to, byte[]... with) {
        ByteArrayOutputStream spliced = new ByteArrayOutputStream(bytes.length + 64);
        spliced.write(bytes, 0, from);
        for (byte[] part : with) {
            spliced.writeBytes(part);
        }
        spliced.write(bytes, to, bytes.length - to);
        return spliced.toByteArray();
    }
}
