package dev.bactrian.replicate;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.text.Fingerprint;

/** A hash of the input of a prediction, the same for the input as sent and as the service echoes it: fields in any order, 1.0 for 1. */
final class InputHash {

    private InputHash() {
    }

    static String of(JsonNode input) {
        StringBuilder text = new StringBuilder();
        write(input, text);
        return Fingerprint.of(text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static void write(JsonNode node, StringBuilder text) {
        if (node.isObject()) {
            List<String> names = new ArrayList<>();
            node.fieldNames().forEachRemaining(names::add);
            Collections.sort(names);
            text.append('{');
            for (String name : names) {
                string(name, text);
                write(node.get(name), text);
            }
            text.append('}');
        } else if (node.isArray()) {
            text.append('[');
            node.forEach(element -> write(element, text));
            text.append(']');
        } else if (node.isTextual()) {
            string(node.textValue(), text);
        } else if (node.isNumber() && !node.isFloatingPointNumber() || node.isBigDecimal()) {
            BigDecimal number = node.decimalValue();
            text.append('#').append(number.signum() == 0 ? "0" : number.stripTrailingZeros().toString());
        } else {
            text.append('#').append(node.asText());
        }
    }

    /** With its length, so that no two inputs are written alike. */
    private static void string(String value, StringBuilder text) {
        text.append('"').append(value.length()).append('"').append(value);
    }
}
