package dev.bactrian.request;

import java.util.regex.Pattern;

/** The form of a request's id: it names files and headers, so it is 1 to 128 of {@code A-Z a-z 0-9 . _ -}, no dot first. */
public final class RequestId {

    private static final Pattern FORM = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}");

    private RequestId() {
    }

    /** Whether it is one. */
    public static boolean isValid(String id) {
        return FORM.matcher(id).matches();
    }

    /** A name made to fit: other characters become {@code _}, and where any did, a hash keeps two such names apart. */
    public static String fit(String name) {
        if (isValid(name)) {
            return name;
        }
        String safe = name.replaceAll("[^A-Za-z0-9._-]", "_").replaceFirst("^\\.", "_");
        return safe.substring(0, Math.min(safe.length(), 119)) + "-" + String.format("%08x", name.hashCode());
    }
}
