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
 * Makes JSON that can be written, and that others can read, of whatever a provider has answered. What can't be passed on
 * as it came is replaced where it stands; all else is as it was:
 * <ul>
 * <li>half of a surrogate pair is U+FFFD, in texts and in names;
 * <li>an object or a list that lies deeper than {@value #DEEPEST} levels is a note that says so;
 * <li>a number that is none (NaN, infinities) or has more than {@value #MOST_DIGITS} digits, written out, is a text of it.
 * </ul>
 */
public final class OutgoingJson {

    /** As deep as the usual limits of readers (Jackson has 1000) leave room to wrap it. */
    static final int DEEPEST = 500;
    static final int MOST_DIGITS = 1000;
    static final String NOTE = "(left out: nested deeper than " + DEEPEST + " levels)";

    private OutgoingJson() {
    }

    /** The JSON as it can be passed on; the argument is left as it is. */
    public static JsonNode of(JsonNode json) {
        return of(json, UnaryOperator.identity());
    }

    /** The same, each text of which, names included, has gone through that. */
    public static JsonNode of(JsonNode json, UnaryOperator<String> mask) {
        return copy(json, 1, value -> scalar(value, mask), name -> mask.apply(Unicode.valid(name)));
    }

    /** The JSON without what is too deep to be passed on, and else as it is. */
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
                // Two names that differed in their halves alone.
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
            // A bit less than four bits are a digit.
            BigInteger value = number.bigIntegerValue();
            return value.bitLength() <= MOST_DIGITS * 3;
        }
        return Double.isFinite(number.doubleValue());
    }
}
