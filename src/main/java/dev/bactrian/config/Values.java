package dev.bactrian.config;

import java.math.BigDecimal;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Parses the values of properties. Each method throws a {@link SettingException} that names the property if the value is malformed. */
final class Values {

    private static final Pattern DURATION = Pattern.compile("(?:(\\d+)h)?(?:(\\d+)m(?!s))?(?:(\\d+)s)?(?:(\\d+)(?:ms)?)?");
    private static final Duration LONGEST = Duration.ofDays(365);
    private static final Pattern BUDGET = Pattern.compile("(\\d{1,12}(?:\\.\\d{1,12})?)(?:\\s*([A-Za-z]{3}))?");
    private static final Pattern SIZE = Pattern.compile("(\\d+)\\s*(B|KB|MB|GB)?", Pattern.CASE_INSENSITIVE);

    static final boolean HAS_VIRTUAL_THREADS = Runtime.version().feature() >= 21;

    /** Instead of a size: a share of the heap. */
    static final String AUTO = "auto";

    /** Quotation marks that a key may have been copied with. */
    private static final String QUOTES = "\"'`\u00B4\u2018\u2019\u201A\u201B\u201C\u201D\u201E\u201F\u00AB\u00BB\u2039\u203A\u300C\u300D\u300E\u300F\uFF02\uFF07";
    private static final Pattern SCHEME = Pattern.compile("(?:authorization\\s*:\\s*)?(?:bearer|token)\\s+(.+)", Pattern.CASE_INSENSITIVE);
    private static final Pattern KEY = Pattern.compile("[\\x21-\\x7E]*");

    private Values() {
    }

    /** Trims the value, and reduces API keys to the keys alone. */
    static String read(Property property, String value) {
        return property.form() == Property.Form.KEY ? keys(property.key(), value) : trimmed(value);
    }

    /** Removes blanks of any alphabet, line ends, byte order marks and other invisible characters from both ends. */
    static String trimmed(String text) {
        int from = 0;
        int to = text.length();
        while (from < to && isBlank(text.charAt(from))) {
            from++;
        }
        while (from < to && isBlank(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(from, to);
    }

    private static boolean isBlank(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || Character.isISOControl(c) || Character.getType(c) == Character.FORMAT;
    }

    /** Returns one key or several, separated by commas, each as {@link #key} returns it. */
    static String keys(String name, String written) {
        return !written.contains(",") ? key(name, written) : Arrays.stream(written.split(",")).map(one -> key(name, unquoted(trimmed(one))))
                .filter(one -> !one.isEmpty()).distinct().collect(Collectors.joining(","));
    }

    /** The quotation marks may be around the whole list. */
    private static String unquoted(String text) {
        int from = 0;
        int to = text.length();
        while (from < to && isQuote(text.charAt(from))) {
            from++;
        }
        while (from < to && isQuote(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(from, to);
    }

    /** Returns a key for a header, without the quotation marks and the {@code Bearer} that it may have been copied with. */
    private static String key(String name, String written) {
        String key = trimmed(written);
        for (String before = null; !key.equals(before);) {
            before = key;
            Matcher scheme = SCHEME.matcher(key);
            if (key.length() > 1 && isQuote(key.charAt(0)) && isQuote(key.charAt(key.length() - 1))) {
                key = trimmed(key.substring(1, key.length() - 1));
            } else if (scheme.matches()) {
                key = trimmed(scheme.group(1));
            }
        }
        String problem = !KEY.matcher(key).matches() ? "holds a blank, a control character or a letter that is not ASCII, as no key does"
                : key.equalsIgnoreCase("bearer") ? "is the word Bearer, without a key" : null;
        if (problem != null) {
            throw new SettingException(name, problem);
        }
        return key;
    }

    private static boolean isQuote(char c) {
        return QUOTES.indexOf(c) >= 0;
    }

    /** Checks the value against the form of its property. */
    static void check(Property property, String value) {
        switch (property.form()) {
            case URL -> url(property, value);
            case URL_WITH_ID -> {
                if (!value.contains("{id}")) {
                    throw new SettingException(property.key(), "'" + value + "' lacks {id}, the place of the prediction's id");
                }
                url(property, value);
            }
            case WEBHOOK_URL -> webhookUrl(property, value);
            case WEBHOOK_SECRETS -> webhookSecrets(property, value);
            case PROXY -> proxy(property, value);
            case DURATION, CANCEL_AFTER -> duration(property, value);
            case WAIT -> wait(property, value);
            case COUNT, COUNT_OR_ZERO, PORT -> count(property, value);
            case SIZE -> bytes(property, value);
            case SIZE_OR_AUTO -> {
                if (!value.equals(AUTO)) {
                    bytes(property, value);
                }
            }
            case BUDGET -> budget(property, value);
            case BUDGETS -> budgets(property, value);
            case FLAG -> flag(property, value);
            case THREADS -> threads(property, value);
            default -> choice(property, value);
        }
    }

    private static void choice(Property property, String value) {
        String[] choices = property.form().choices;
        if (choices.length > 0 && !List.of(choices).contains(value)) {
            throw new SettingException(property.key(), "'" + value + "' is not one of " + String.join(", ", choices));
        }
    }

    private static void threads(Property property, String value) {
        choice(property, value);
        if (value.equals("virtual") && !HAS_VIRTUAL_THREADS) {
            throw new SettingException(property.key(), "'" + value + "' needs Java 21 or later, and this is Java " + Runtime.version().feature());
        }
    }

    /** Parses an amount of money such as {@code 10 USD}; the currency may be left out. */
    static Settings.Budget budget(Property property, String value) {
        Matcher m = BUDGET.matcher(value);
        if (!m.matches()) {
            throw new SettingException(property.key(), "'" + value + "' is not an amount such as 10 USD");
        }
        return new Settings.Budget(new BigDecimal(m.group(1)), m.group(2) == null ? null : m.group(2).toUpperCase(Locale.ROOT));
    }

    /** Parses amounts for keys, each written as the key's last four characters, an equals sign and an amount, separated by commas. */
    static Map<String, Settings.Budget> budgets(Property property, String value) {
        Map<String, Settings.Budget> budgets = new LinkedHashMap<>();
        for (String part : value.split(",")) {
            int equals = part.lastIndexOf('=');
            String key = equals < 0 ? "" : trimmed(part.substring(0, equals));
            if (key.length() != Settings.SHOWN_OF_A_KEY) {
                throw new SettingException(property.key(), "'" + trimmed(part) + "' is not of the form ab12=10 USD, with the last four characters of a key");
            }
            budgets.put(key, budget(property, trimmed(part.substring(equals + 1))));
        }
        return budgets;
    }

    /** Parses an http or https URL. */
    static Url url(Property property, String value) {
        return url(property.key(), value);
    }

    static Url url(String name, String value) {
        try {
            return Url.of(value);
        } catch (IllegalArgumentException e) {
            throw new SettingException(name, e.getMessage());
        }
    }

    /** Requires https except for this machine: the service sends the model's output to this URL. */
    private static void webhookUrl(Property property, String value) {
        Url url = url(property, value);
        if (!url.scheme().equals("https") && !url.isLoopback()) {
            throw new SettingException(property.key(), "'" + url + "' is not an https URL");
        }
    }

    /** Parses keys, each written as {@code whsec_} and its bytes in base64, separated by commas or blanks. */
    static List<byte[]> webhookSecrets(Property property, String value) {
        return Pattern.compile("[,\\s]+").splitAsStream(value).filter(secret -> !secret.isEmpty())
                .map(secret -> webhookKey(property, secret)).toList();
    }

    private static byte[] webhookKey(Property property, String secret) {
        try {
            byte[] key = secret.startsWith("whsec_") ? Base64.getDecoder().decode(secret.substring("whsec_".length())) : new byte[0];
            if (key.length > 0) {
                return key;
            }
        } catch (IllegalArgumentException e) {
            // reported below, without the value
        }
        throw new SettingException(property.key(), "is not of the form whsec_ and base64, or several separated by commas");
    }

    /** Parses a duration such as {@code 500ms}, {@code 10s}, {@code 1m30s} or a bare number of milliseconds (Camel's syntax). */
    static Duration duration(Property property, String value) {
        Matcher m = DURATION.matcher(value);
        try {
            if (m.matches()) {
                Duration duration = Duration.ofHours(part(m, 1)).plusMinutes(part(m, 2)).plusSeconds(part(m, 3)).plusMillis(part(m, 4));
                if (duration.compareTo(LONGEST) <= 0) {
                    return duration;
                }
            }
        } catch (ArithmeticException | NumberFormatException e) {
            // reported below
        }
        throw new SettingException(property.key(), "'" + value + "' is not a duration such as 500ms, 10s or 1m30s, of a year at most");
    }

    private static long part(Matcher m, int group) {
        return m.group(group) == null ? 0 : Long.parseLong(m.group(group));
    }

    /** Parses a number of whole seconds from 1 to 60. */
    static Duration wait(Property property, String value) {
        Duration wait = duration(property, value);
        if (wait.toMillis() % 1000 != 0 || wait.toSeconds() < 1 || wait.toSeconds() > 60) {
            throw new SettingException(property.key(), "'" + value + "' is not a number of whole seconds from 1s to 60s");
        }
        return wait;
    }

    /** Parses an integer: at least 1, or at least 0 if 0 has a meaning; at most 65535 for a port. */
    static int count(Property property, String value) {
        int least = property.form() == Property.Form.COUNT ? 1 : 0;
        int most = property.form() == Property.Form.PORT ? 65_535 : Integer.MAX_VALUE;
        try {
            int count = Integer.parseInt(value);
            if (count >= least && count <= most) {
                return count;
            }
        } catch (NumberFormatException e) {
            // reported below
        }
        throw new SettingException(property.key(), "'" + value + "' is not a whole number from " + least
                + (property.form() == Property.Form.PORT ? " to " + most : ""));
    }

    /** Parses a size in bytes, written as a number or with KB, MB or GB (powers of 1024). */
    static long bytes(Property property, String value) {
        Matcher m = SIZE.matcher(value);
        try {
            if (m.matches()) {
                String unit = m.group(2) == null ? "B" : m.group(2).toUpperCase(Locale.ROOT);
                long size = Math.multiplyExact(Long.parseLong(m.group(1)), 1L << 10 * List.of("B", "KB", "MB", "GB").indexOf(unit));
                if (size > 0) {
                    return size;
                }
            }
        } catch (ArithmeticException | NumberFormatException e) {
            // reported below
        }
        throw new SettingException(property.key(), "'" + value + "' is not a size such as 10MB");
    }

    /** Parses {@code true} or {@code false}. */
    static boolean flag(Property property, String value) {
        if (!value.equals("true") && !value.equals("false")) {
            throw new SettingException(property.key(), "'" + value + "' is not true or false");
        }
        return value.equals("true");
    }

    /** Parses a proxy, written {@code http://[user:password@]host:port}; user and password may be percent-encoded. */
    static Settings.Proxy proxy(Property property, String value) {
        return proxy(property.key(), value);
    }

    static Settings.Proxy proxy(String name, String value) {
        // Not with java.net.URI, which rejects characters that a password may contain.
        String text = value.trim();
        int at = text.lastIndexOf('@');
        String address = text.substring(at < 0 ? Math.min(7, text.length()) : at + 1).replaceAll("/$", "");
        int colon = address.lastIndexOf(':');
        try {
            if (text.regionMatches(true, 0, "http://", 0, 7) && colon > 0) {
                int port = Integer.parseInt(address.substring(colon + 1));
                String[] user = at < 0 ? new String[] {null, null} : text.substring(7, at).split(":", 2);
                if (port > 0 && port < 65536 && user.length == 2) {
                    return new Settings.Proxy(Url.of("http://" + address).host(), port, decoded(user[0]), decoded(user[1]));
                }
            }
        } catch (IllegalArgumentException e) {
            // reported below, without the value, which may hold a password
        }
        throw new SettingException(name, "is not of the form http://[user:password@]host:port");
    }

    private static String decoded(String text) {
        if (text == null || !text.matches(".*%[0-9A-Fa-f]{2}.*")) {
            return text;
        }
        return URLDecoder.decode(text.replace("+", "%2B").replaceAll("%(?![0-9A-Fa-f]{2})", "%25"), StandardCharsets.UTF_8);
    }
}
