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

/** Endpoint URIs as they may be shown: without passwords, keys and tokens. Of an HTTP address any value of its query may be one. */
public final class Masked {

    private static final String MASK = "xxxxxx";
    /** In place of a token. */
    static final String TOKEN = "***";
    /** Of the beginning of a token that a cut has left, so much may be a word. */
    private static final int SHORTEST_BEGINNING = 4;
    /** A password may hold a slash or an at sign, as people write it; what begins with a port is none. */
    private static final Pattern USER = Pattern.compile("(//[^/?#@:\\s]*:)((?![0-9]{1,5}/)[^?#\\s]*)(?=@)");
    private static final Pattern OPTION = Pattern.compile("([?&;])([^=&;?\\s]+)=(RAW\\(.*?\\)(?=&|\\s|$)|RAW\\{.*?}(?=&|\\s|$)|[^&\\s]*)");
    /** In what Camel says of options: {@code {password=hunter2}}. */
    private static final Pattern NAMED = Pattern.compile("([{,\\s(\\[])([A-Za-z][\\w.-]*)=(RAW\\([^)]*\\)|[^,{}\\[\\]()\\s&]*)");
    private static final Pattern SECRET = Pattern.compile(".*(?:pass|pwd|secret|token|credential|signature|apikey|api[-_]key|auth|jaas).*|"
            + ".*key|sig|code|pw", Pattern.CASE_INSENSITIVE);
    private static final Pattern HTTP = Pattern.compile("https?://[^\\s'\"<>|]+");
    /** Options of the HTTP component, whose values say nothing. */
    private static final Pattern HTTP_OPTION = Pattern.compile("httpMethod|throwExceptionOnFailure|okStatusCodeRange|followRedirects|bridgeEndpoint|"
            + ".*[tT]imeout|copyHeaders|connectionsPerRoute|maxTotalConnections|userAgent");
    private static final int SHORTEST_SECRET = 4;
    private static final int SHORTEST_OF_A_QUERY = 12;

    private Masked() {
    }

    /** A URI as it may be shown. */
    public static String uri(String uri) {
        boolean http = uri.startsWith("http:") || uri.startsWith("https:");
        String user = USER.matcher(uri).replaceAll("$1" + MASK);
        return OPTION.matcher(user).replaceAll(option -> Matcher.quoteReplacement(
                isSecret(http, option) ? option.group(1) + option.group(2) + "=" + MASK : option.group()));
    }

    /** A text that may hold URIs, or options of them, as it may be shown. */
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

    /** The forms in which a token is recognised: as it is, as in a URL, and as in JSON. */
    public static Set<String> forms(String token) {
        Set<String> forms = new LinkedHashSet<>();
        forms.add(token);
        forms.add(URLEncoder.encode(token, StandardCharsets.UTF_8));
        forms.add(URLEncoder.encode(token, StandardCharsets.UTF_8).replace("+", "%20"));
        forms.add(new String(JsonStringEncoder.getInstance().quoteAsString(token)));
        return forms;
    }

    /** The text without these secrets; the same object where it has none. */
    public static String without(String text, Collection<String> secrets) {
        String clean = text;
        for (String secret : secrets) {
            if (clean.contains(secret)) {
                clean = clean.replace(secret, TOKEN);
            }
        }
        return clean;
    }

    /** The text without the beginnings of secrets that stand before the mark of a cut. */
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

    /** The values that are masked in a URI, as they may turn up elsewhere: as they stand, bare, and decoded. */
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
