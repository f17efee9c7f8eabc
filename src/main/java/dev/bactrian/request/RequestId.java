package dev.bactrian.request;

import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.regex.Pattern;

import dev.bactrian.text.Fingerprint;

/** The form of a request's id: it names files and headers, so it is 1 to 128 of {@code A-Z a-z 0-9 . _ -}, no dot first. */
public final class RequestId {

    /** What is wrong with one that is none. */
    public static final String FAULT = "not 1 to 128 of A-Z a-z 0-9 . _ - without a dot in front";

    private static final int LONGEST = 128;
    private static final Pattern FORM = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}");

    private RequestId() {
    }

    /** Whether it is one. */
    public static boolean isValid(String id) {
        return FORM.matcher(id).matches();
    }

    /**
     * A name made to fit: other characters become {@code _}, and where any did, a fingerprint of the name keeps it apart from
     * all others. A name is its characters: one spelt with composed characters is another than one with decomposed ones.
     */
    public static String fit(String name) {
        return isValid(name) ? name : safe(name, LONGEST - 1 - Fingerprint.LENGTH) + "-" + Fingerprint.of(characters(name));
    }

    /** The same as it was made up to 0.1.0: what is remembered of a request may bear that name. */
    public static String formerFit(String name) {
        return isValid(name) ? name : safe(name, LONGEST - 9) + "-" + String.format(Locale.ROOT, "%08x", name.hashCode());
    }

    private static String safe(String name, int longest) {
        String safe = name.replaceAll("[^A-Za-z0-9._-]", "_").replaceFirst("^\\.", "_");
        return safe.substring(0, Math.min(safe.length(), longest));
    }

    /** Each of them, halves of surrogate pairs too, which UTF-8 would make one. */
    private static byte[] characters(String name) {
        ByteBuffer bytes = ByteBuffer.allocate(2 * name.length());
        bytes.asCharBuffer().put(name);
        return bytes.array();
    }
}
