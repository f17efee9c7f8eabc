package dev.bactrian.config;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.apache.camel.util.SensitiveUtils;

/** Endpoint URIs as they may be shown: without passwords, keys and tokens. Of an HTTP address any value of its query may be one. */
public final class Masked {

    private static final String MASK = "xxxxxx";
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
