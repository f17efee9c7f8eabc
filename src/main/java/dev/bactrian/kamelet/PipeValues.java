package dev.bactrian.kamelet;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * The parameters of a Kamelet as a Pipe hands them over: Camel's loader of Pipes encodes each value for a URI, and nobody
 * decodes it. What can be nothing else is decoded here: an endpoint without a colon, and a model's name with a percent
 * sign. Of a key nobody can tell.
 */
final class PipeValues {

    private static final Pattern ENCODED_URI = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*%3[Aa][^:]*");
    private static final Pattern ENCODED_NAME = Pattern.compile("[^%]*(?:%[0-9A-Fa-f]{2}[^%]*)+");

    private PipeValues() {
    }

    /** The value as it was written in the Pipe, where that is plain; else as it is. */
    static String plain(String parameter, String value) {
        String name = parameter.toLowerCase(Locale.ROOT);
        Pattern encoded = name.endsWith("endpoint") ? ENCODED_URI : name.contains("model") ? ENCODED_NAME : null;
        return encoded != null && encoded.matcher(value).matches() ? URLDecoder.decode(value, StandardCharsets.UTF_8) : value;
    }
}
