package dev.bactrian.kamelet;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Decodes parameters that come through a Pipe: Camel's loader of Pipes URL-encodes each value, and nothing decodes it. Only unambiguous
 * values are decoded: an endpoint without a colon, and a model name with a percent sign. A key may contain either, so it is left as it is.
 */
final class PipeValues {

    private static final Pattern ENCODED_URI = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*%3[Aa][^:]*");
    private static final Pattern ENCODED_NAME = Pattern.compile("[^%]*(?:%[0-9A-Fa-f]{2}[^%]*)+");

    private PipeValues() {
    }

    /** Returns the value as it was written in the Pipe if that is unambiguous, or else unchanged. */
    static String plain(String parameter, String value) {
        String name = parameter.toLowerCase(Locale.ROOT);
        Pattern encoded = name.endsWith("endpoint") ? ENCODED_URI : name.contains("model") ? ENCODED_NAME : null;
        return encoded != null && encoded.matcher(value).matches() ? URLDecoder.decode(value, StandardCharsets.UTF_8) : value;
    }
}
