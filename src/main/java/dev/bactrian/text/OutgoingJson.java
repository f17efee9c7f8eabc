package dev.bactrian.text;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.function.UnaryOperator;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;

/**
 * Converts JSON of a provider into JSON that can be written and that other parsers can read. Replaces only what cannot be passed on:
 * <ul>
 * <li>a lone surrogate, in values and names, becomes U+FFFD;
 * <li>an object or array nested deeper than {@value #DEEPEST} levels becomes a note that says so;
 * <li>NaN, an infinity, and a number of more than {@value #MOST_DIGITS} digits, written out, become strings.
 * </ul>
 */
public final class OutgoingJson {

    /** Leaves room for wrapping below the usual limits of parsers; Jackson's is 1000. */
    static final int DEEPEST = 500;
    static final int MOST_DIGITS = 1000;
    static final String NOTE = "(left out: nested deeper than " + DEEPEST + " levels)";

    private OutgoingJson() {
    }

    /** Returns the JSON in a form that can be passed on; does not change the argument. */
    public static JsonNode of(JsonNode json) {
        return of(json, UnaryOperator.identity());
    }

    /** Returns the JSON in a form that can be passed on, with the mask applied to each string and each name. */
    public static JsonNode of(JsonNode json, UnaryOperator<String> mask) {
        return copy(json, 1, value -> scalar(value, mask), name -> mask.apply(Unicode.valid(name)));
    }

    /** Returns the JSON without what is nested too deep; does not change anything else. */
    public static JsonNode cut(JsonNode json) {
        return copy(json, 1, UnaryOperator.identity(), UnaryOperator.identity());
    }

    private static JsonNode copy(JsonNode json, int level, UnaryOperator<JsonNode> scalars, UnaryOperator<String> names) {
        if (!json.isContainerNode()) {
            return scalars.apply(json);
        } else if (json.isEmpty()) {
            return json;
        } else if (level > DEEPEST) {
            return TextNode.valueOf(NOTE);
        } else if (json.isArray()) {
            ArrayNode copy = JsonNodeFactory.instance.arrayNode(json.size());
            json.forEach(item -> copy.add(copy(item, level + 1, scalars, names)));
            return copy;
        }
        ObjectNode copy = JsonNodeFactory.instance.objectNode();
        json.properties().forEach(field -> {
            String name = names.apply(field.getKey());
            while (copy.has(name)) {
                // Two names that differ only in lone surrogates have become equal.
                name += Unicode.REPLACEMENT;
            }
            copy.set(name, copy(field.getValue(), level + 1, scalars, names));
        });
        return copy;
    }

    private static JsonNode scalar(JsonNode json, UnaryOperator<String> mask) {
        if (json.isTextual()) {
            String valid = mask.apply(Unicode.valid(json.textValue()));
            return valid.equals(json.textValue()) ? json : TextNode.valueOf(valid);
        }
        return !json.isNumber() || isWritable(json) ? json : TextNode.valueOf(json.asText());
    }

    private static boolean isWritable(JsonNode number) {
        if (number.isBigDecimal()) {
            BigDecimal value = number.decimalValue();
            return Math.abs((long) value.scale()) <= MOST_DIGITS && value.precision() <= MOST_DIGITS;
        } else if (number.isBigInteger()) {
            // A decimal digit takes more than three bits.
            BigInteger value = number.bigIntegerValue();
            return value.bitLength() <= MOST_DIGITS * 3;
        }
        return Double.isFinite(number.doubleValue());
    }
}
