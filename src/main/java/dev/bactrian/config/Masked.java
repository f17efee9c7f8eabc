package dev.bactrian.config;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import dev.bactrian.text.OneLine;
import org.apache.camel.util.SensitiveUtils;

/**
 * Masks passwords, keys and tokens in text that is shown. In an HTTP URL every unknown query value is masked, because any of them
 * may be a secret.
 */
public final class Masked {

    private static final String MASK = "xxxxxx";
    /** Replaces a token. */
    static final String TOKEN = "***";
    /** A shorter beginning of a token, left by a cut, may be an ordinary word. */
    private static final int SHORTEST_BEGINNING = 4;
    /** A password may contain an unescaped slash or at sign. A value that begins with a port and a slash is not a password. */
    private static final Pattern USER = Pattern.compile("(//[^/?#@:\\s]*:)((?![0-9]{1,5}/)[^?#\\s]*)(?=@)");
    private static final Pattern OPTION = Pattern.compile("([?&;])([^=&;?\\s]+)=(RAW\\(.*?\\)(?=&|\\s|$)|RAW\\{.*?}(?=&|\\s|$)|[^&\\s]*)");
    /** Options as Camel prints them: {@code {password=hunter2}}. */
    private static final Pattern NAMED = Pattern.compile("([{,\\s(\\[])([A-Za-z][\\w.-]*)=(RAW\\([^)]*\\)|[^,{}\\[\\]()\\s&]*)");
    private static final Pattern SECRET = Pattern.compile(".*(?:pass|pwd|secret|token|credential|signature|apikey|api[-_]key|auth|jaas).*|"
            + ".*key|sig|code|pw", Pattern.CASE_INSENSITIVE);
    private static final Pattern HTTP = Pattern.compile("https?://[^\\s'\"<>|]+");
    /** Options of Camel's HTTP component, whose values are never secret. */
    private static final Pattern HTTP_OPTION = Pattern.compile("httpMethod|throwExceptionOnFailure|okStatusCodeRange|followRedirects|bridgeEndpoint|"
            + ".*[tT]imeout|copyHeaders|connectionsPerRoute|maxTotalConnections|userAgent");
    private static final int SHORTEST_SECRET = 4;
    private static final int SHORTEST_OF_A_QUERY = 12;

    private Masked() {
    }

    /** Returns the URI with its secrets masked. */
    public static String uri(String uri) {
        boolean http = uri.startsWith("http:") || uri.startsWith("https:");
        String user = USER.matcher(uri).replaceAll("$1" + MASK);
        return OPTION.matcher(user).replaceAll(option -> Matcher.quoteReplacement(
                isSecret(http, option) ? option.group(1) + option.group(2) + "=" + MASK : option.group()));
    }

    /** Returns the text with the secrets of all URIs and options in it masked. */
    public static String text(String text) {
        String uris = HTTP.matcher(text).replaceAll(uri -> Matcher.quoteReplacement(uri(uri.group())));
        String options = uri(uris);
        return NAMED.matcher(options).replaceAll(option -> Matcher.quoteReplacement(
                isSecret(option.group(2)) ? option.group(1) + option.group(2) + "=" + MASK : option.group()));
    }

    private static boolean isSecret(boolean http, MatchResult option) {
        return option.group(3).startsWith("RAW") || isSecret(option.group(2)) || http && !HTTP_OPTION.matcher(option.group(2)).matches();
    }

    private static boolean isSecret(String name) {
        return SECRET.matcher(name).matches() || SensitiveUtils.containsSensitive(name.toLowerCase(Locale.ROOT));
    }

    /** Returns the forms in which a token may appear: as it is, URL-encoded, and escaped for JSON. */
    public static Set<String> forms(String token) {
        Set<String> forms = new LinkedHashSet<>();
        forms.add(token);
        forms.add(URLEncoder.encode(token, StandardCharsets.UTF_8));
        forms.add(URLEncoder.encode(token, StandardCharsets.UTF_8).replace("+", "%20"));
        forms.add(new String(JsonStringEncoder.getInstance().quoteAsString(token)));
        return forms;
    }

    /** Returns the text with the secrets replaced; the same object if it contains none. */
    public static String without(String text, Collection<String> secrets) {
        String clean = text;
        for (String secret : secrets) {
            if (clean.contains(secret)) {
                clean = clean.replace(secret, TOKEN);
            }
        }
        return clean;
    }

    /** Returns how many characters at the end of a text are the beginning of a secret. */
    static int begun(CharSequence text, Collection<String> secrets) {
        int most = 0;
        for (String secret : secrets) {
            int length = Math.min(secret.length() - 1, text.length());
            while (length > most && !endsWith(text, secret, length)) {
                length--;
            }
            most = Math.max(most, length);
        }
        return most;
    }

    private static boolean endsWith(CharSequence text, String secret, int length) {
        int start = text.length() - length;
        int same = 0;
        while (same < length && text.charAt(start + same) == secret.charAt(same)) {
            same++;
        }
        return same == length;
    }

    /** Returns the text with truncated secrets, which stand before the mark of a cut, replaced. */
    static String withoutCut(String text, Collection<String> secrets) {
        String clean = text;
        for (String secret : secrets) {
            for (int cut = clean.indexOf(OneLine.CUT); cut >= 0; cut = clean.indexOf(OneLine.CUT, cut + 1)) {
                int length = Math.min(secret.length() - 1, cut);
                while (length >= SHORTEST_BEGINNING && !clean.startsWith(secret.substring(0, length), cut - length)) {
                    length--;
                }
                if (length >= SHORTEST_BEGINNING) {
                    clean = clean.substring(0, cut - length) + TOKEN + clean.substring(cut);
                    cut += TOKEN.length() - length;
                }
            }
        }
        return clean;
    }

    /** Returns the values that {@link #uri} masks, each without {@code RAW()} and also URL-decoded. */
    static Set<String> secrets(String uri) {
        boolean http = uri.startsWith("http:") || uri.startsWith("https:");
        Set<String> secrets = new LinkedHashSet<>();
        USER.matcher(uri).results().forEach(user -> add(secrets, user.group(2), SHORTEST_SECRET));
        OPTION.matcher(uri).results().filter(option -> isSecret(http, option)).forEach(option -> add(secrets, option.group(3),
                isSecret(false, option) ? SHORTEST_SECRET : SHORTEST_OF_A_QUERY));
        return secrets;
    }

    private static void add(Set<String> secrets, String value, int shortest) {
        String bare = value.matches("RAW[({].*[)}]") ? value.substring(4, value.length() - 1) : value;
        for (String form : new String[] {bare, decoded(bare)}) {
            if (form.length() >= shortest) {
                secrets.add(form);
            }
        }
    }

    private static String decoded(String value) {
        try {
            return URLDecoder.decode(value, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return value;
        }
    }
}
