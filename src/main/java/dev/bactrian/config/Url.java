package dev.bactrian.config;

import java.net.IDN;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An {@code http} or {@code https} URL as it is sent: the scheme in lower case, the host in ASCII. {@link java.net.URI} does not
 * support hosts with an underscore or non-ASCII letters, and accepts any port. Immutable.
 */
public final class Url {

    private static final Pattern PARTS = Pattern.compile("(?i)(https?)://([^/?#]*)(.*)", Pattern.DOTALL);
    private static final Pattern AUTHORITY = Pattern.compile("(\\[[0-9A-Fa-f:.%]+]|[^\\[\\]:]+)(?::([0-9]{0,9}))?");
    private static final Pattern LABEL = Pattern.compile("[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?");
    private static final Pattern IPV4 = Pattern.compile("(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\\.(?=.)|$)){4}");
    private static final Pattern LOOPBACK = Pattern.compile("(?:.+\\.)?localhost|127\\.[0-9.]+|\\[(?:0*:)*0*:?0*1]");

    /** The suffix of a stand-in for a host that Camel's http component does not understand; the rest is the host's bytes in hexadecimal. */
    private static final String STAND_IN = ".bactrian.invalid";

    private final String scheme;
    private final String host;
    private final int port;
    private final String rest;

    private Url(String scheme, String host, int port, String rest) {
        this.scheme = scheme;
        this.host = host;
        this.port = port;
        this.rest = rest;
    }

    /**
     * Parses a URL. Its path and query may contain the placeholder {@code {id}}.
     *
     * @throws IllegalArgumentException if it is not valid; the message says why and contains nothing that may be a password
     */
    public static Url of(String text) {
        Matcher parts = PARTS.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException("'" + shown(text) + "' is not an http or https URL");
        }
        String authority = parts.group(2);
        Matcher at = AUTHORITY.matcher(authority);
        boolean matches = at.matches();
        // A password may contain a slash.
        if (authority.contains("@") || !matches && parts.group(3).contains("@")) {
            throw new IllegalArgumentException("holds a user or a password, which no URL here may");
        } else if (!matches) {
            throw new IllegalArgumentException("'" + shown(text) + "' names no host, or no port that is a number");
        }
        int port = at.group(2) == null || at.group(2).isEmpty() ? -1 : Integer.parseInt(at.group(2));
        if (port == 0 || port > 65_535) {
            throw new IllegalArgumentException("'" + shown(text) + "' has the port " + port + ", which is not from 1 to 65535");
        }
        return new Url(parts.group(1).toLowerCase(Locale.ROOT), host(text, at.group(1)), port, rest(text, parts.group(3)));
    }

    /**
     * Converts a host name or address to its form on the wire.
     *
     * @param text    the whole URL, for the message
     * @param written the host
     * @throws IllegalArgumentException if it is not a valid host
     */
    static String host(String text, String written) {
        String host = written.toLowerCase(Locale.ROOT);
        if (host.startsWith("[")) {
            // An IPv6 address has only hex digits and colons: java.net.URI checks it well enough.
            if (URI.create("http://" + host).getHost() != null) {
                return host;
            }
        } else {
            host = ascii(written);
            String[] labels = host.replaceFirst("\\.$", "").split("\\.", -1);
            boolean name = host.length() <= 253;
            for (String label : labels) {
                name &= LABEL.matcher(label).matches();
            }
            boolean number = labels[labels.length - 1].matches("[0-9]+|0x[0-9a-f]*");
            if (name && (!number || IPV4.matcher(host).matches())) {
                return host;
            }
        }
        throw new IllegalArgumentException("'" + shown(text) + "' has no host that can be called");
    }

    private static String ascii(String host) {
        try {
            return IDN.toASCII(host, IDN.ALLOW_UNASSIGNED).toLowerCase(Locale.ROOT);
        } catch (IllegalArgumentException e) {
            return "";
        }
    }

    private static String rest(String text, String rest) {
        try {
            URI uri = URI.create("http://host" + rest.replace("{id}", "id"));
            if (uri.getRawFragment() != null) {
                throw new IllegalArgumentException();
            }
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("'" + shown(text) + "' holds what no URL here may: a blank, a # or the like");
        }
        StringBuilder encoded = new StringBuilder();
        rest.codePoints().forEach(c -> encoded.append(c < 0x80 ? Character.toString(c) : URI.create(Character.toString(c)).toASCIIString()));
        return encoded.toString();
    }

    /** Removes everything that may be a password. */
    private static String shown(String text) {
        return text.replaceFirst("(?s)^([^/]*//)?.*@", "$1").replaceFirst("(?s)^([^/]*//)?([^/:\\[\\]]*):(?![0-9]{1,9}(?:[/?]|$))[^/?]+", "$1$2:…")
                .replaceFirst("(?s)\\?.*", "?…");
    }

    /** Whether the host is this machine. */
    public boolean isLoopback() {
        return LOOPBACK.matcher(host).matches();
    }

    /** Returns {@code http} or {@code https}. */
    public String scheme() {
        return scheme;
    }

    /** Returns the host, in lower case and ASCII; an IPv6 address in brackets. */
    public String host() {
        return host;
    }

    /** Returns the port, or the scheme's default port if the URL has none. */
    public int port() {
        return port >= 0 ? port : scheme.equals("https") ? 443 : 80;
    }

    /**
     * Returns the URL for Camel's http component, with a stand-in for a host that the component rejects: one with an underscore or
     * of non-ASCII letters. {@link #realHost} converts the stand-in back.
     */
    public String forCamel() {
        boolean strange = host.contains("_") || host.contains("xn--");
        String name = strange ? HexFormat.of().formatHex(host.getBytes(StandardCharsets.US_ASCII)) + STAND_IN : host;
        return new Url(scheme, name, port, rest).toString();
    }

    /** Returns the host that a stand-in stands for; any other host as it is. */
    public static String realHost(String host) {
        return host.endsWith(STAND_IN) ? new String(HexFormat.of().parseHex(host.substring(0, host.length() - STAND_IN.length())),
                StandardCharsets.US_ASCII) : host;
    }

    /** Returns scheme, host and port. */
    public String origin() {
        return scheme + "://" + host + (port < 0 ? "" : ":" + port);
    }

    /** Returns the whole URL. */
    @Override
    public String toString() {
        return origin() + rest;
    }
}
