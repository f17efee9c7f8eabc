package dev.bactrian.request;

import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.regex.Pattern;

import dev.bactrian.text.Fingerprint;

/** The syntax of request ids, which are used in file names and headers: 1 to 128 of {@code A-Z a-z 0-9 . _ -}, not starting with a dot. */
public final class RequestId {

    /** The error message for an invalid id. */
    public static final String FAULT = "not 1 to 128 of A-Z a-z 0-9 . _ - without a dot in front";

    private static final int LONGEST = 128;
    private static final Pattern FORM = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}");

    private RequestId() {
    }

    /** Whether the id is valid. */
    public static boolean isValid(String id) {
        return FORM.matcher(id).matches();
    }

    /**
     * Returns the name if it is a valid id, or else an id made from it: other characters are replaced by {@code _}, and a
     * fingerprint keeps ids of different names different. Composed and decomposed spellings of a name are different names.
     */
    public static String fit(String name) {
        return isValid(name) ? name : safe(name, LONGEST - 1 - Fingerprint.LENGTH) + "-" + Fingerprint.of(characters(name));
    }

    /** Returns the id as versions up to 0.1.0 made it, to find ledger entries of those versions. */
    public static String formerFit(String name) {
        return isValid(name) ? name : safe(name, LONGEST - 9) + "-" + String.format(Locale.ROOT, "%08x", name.hashCode());
    }

    private static String safe(String name, int longest) {
        String safe = name.replaceAll("[^A-Za-z0-9._-]", "_").replaceFirst("^\\.", "_");
        return safe.substring(0, Math.min(safe.length(), longest));
    }

    /** Returns the UTF-16 code units, so that lone surrogates stay distinct; UTF-8 would map them all to one byte. */
    private static byte[] characters(String name) {
        ByteBuffer bytes = ByteBuffer.allocate(2 * name.length());
        bytes.asCharBuffer().put(name);
        return bytes.array();
    }
}
