package dev.bactrian.config;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.apache.camel.CamelContext;
import org.apache.camel.spi.PropertiesComponent;

/**
 * The {@code bactrian.*} properties, read once, checked whole and typed. Immutable.
 *
 * <p>In a Camel context they come from wherever that context's properties do; {@link #of(CamelContext)} reads them on
 * first use and every bean of the routes shares them.
 */
public final class Settings {

    /** An HTTP proxy; user and password are null where it asks for none. */
    public record Proxy(String host, int port, String user, String password) {
        @Override
        public String toString() {
            return host + ":" + port;
        }
    }

    /** How an Upstage request carries the conversation. */
    public enum PromptStyle { MESSAGES, FLATTENED }

    /** The dialect of Replicate: PROVIDERS.md calls them the official API and the homepage wire. */
    public enum ReplicateApi { OFFICIAL, HOMEPAGE }

    /** What is emitted for a result: the document, or its content alone. */
    public enum EmitFormat { JSON, CONTENT }

    /** What becomes of the images of a result: they stay where they are, become files beside the document, or part of it. */
    public enum ImagesMode { URL, DOWNLOAD, INLINE }

    private static final String BEAN = "bactrianSettings";
    private static final Pattern DURATION = Pattern.compile("(?:(\\d+)h)?(?:(\\d+)m(?!s))?(?:(\\d+)s)?(?:(\\d+)(?:ms)?)?");
    private static final Duration LONGEST = Duration.ofDays(365);
    private static final Pattern SIZE = Pattern.compile("(\\d+)\\s*(B|KB|MB|GB)?", Pattern.CASE_INSENSITIVE);
    private static final Map<Property, String> PROVIDERS_OWN_NAMES = Map.of(
            Property.REPLICATE_API_TOKEN, "REPLICATE_API_TOKEN",
            Property.UPSTAGE_API_KEY, "UPSTAGE_API_KEY");

    private final Map<Property, String> values = new EnumMap<>(Property.class);
    private final boolean playground;
    /** By their keys, the settings of accounts. */
    private final Map<String, Settings> accounts = new ConcurrentHashMap<>();

    private Settings(Function<String, String> lookup, Function<String, String> environment) {
        for (Property property : Property.values()) {
            String value = lookup.apply(property.key());
            if (value == null && PROVIDERS_OWN_NAMES.containsKey(property)) {
                value = environment.apply(PROVIDERS_OWN_NAMES.get(property));
            }
            if (value != null) {
                values.put(property, property.secret() ? value : value.trim());
            }
        }
        playground = "playground".equals(values.get(Property.PROFILE));
        for (Property property : Property.values()) {
            check(property);
        }
        checkWebhooks();
    }

    private Settings(Settings defaults, Map<Property, String> own) {
        values.putAll(defaults.values);
        values.putAll(own);
        playground = defaults.playground;
        if (own.containsKey(Property.REPLICATE_API_ENDPOINT) && !own.containsKey(Property.REPLICATE_POLL_ENDPOINT)) {
            values.put(Property.REPLICATE_POLL_ENDPOINT, below(own.get(Property.REPLICATE_API_ENDPOINT), "/{id}"));
        }
        own.keySet().forEach(this::check);
    }

    /** That path below a URL, before its query. */
    public static String below(String url, String path) {
        int query = url.indexOf('?');
        return query < 0 ? url + path : url.substring(0, query) + path + url.substring(query);
    }

    /**
     * Takes in an account under that key: these settings with its own in place of some.
     *
     * @throws SettingException where a value is malformed
     */
    public void add(String key, Map<Property, String> own) {
        accounts.computeIfAbsent(key, none -> new Settings(this, own));
    }

    /** The settings of the account under that key; null is no account: these. */
    public Settings account(String key) {
        return key == null ? this : Objects.requireNonNull(accounts.get(key), "no such account");
    }

    /**
     * The settings in a map of full property names.
     *
     * @throws SettingException where one is malformed or its name unknown
     */
    public static Settings of(Map<String, String> properties) {
        rejectUnknown(properties.keySet());
        return new Settings(properties::get, name -> properties.get("env:" + name));
    }

    /**
     * The settings of a Camel context, the same object each time.
     *
     * @throws SettingException where one is malformed or its name unknown
     */
    public static Settings of(CamelContext context) {
        synchronized (Settings.class) {
            Settings settings = context.getRegistry().lookupByNameAndType(BEAN, Settings.class);
            if (settings == null) {
                PropertiesComponent properties = context.getPropertiesComponent();
                Properties raw = properties.loadProperties(name -> name.startsWith(Property.PREFIX));
                // Quarkus lists BACTRIAN_MAX_IN_FLIGHT of the environment as bactrian.max.in.flight, too.
                rejectUnknown(raw.stringPropertyNames().stream().filter(name -> System.getenv(environmentName(name)) == null).toList());
                settings = new Settings(name -> resolve(properties, raw, name), System::getenv);
                context.getRegistry().bind(BEAN, settings);
            }
            return settings;
        }
    }

    /** A secret may hold {@code {{}: what cannot be resolved as a placeholder is taken as it stands. */
    private static String resolve(PropertiesComponent properties, Properties raw, String name) {
        String fromSystem = System.getProperty(name, System.getenv(environmentName(name)));
        String value = fromSystem != null ? fromSystem : raw.getProperty(name);
        boolean secret = Property.of(name).map(Property::secret).orElse(false);
        if (secret && value != null && !(value.contains("{{") && value.contains("}}"))) {
            // Not by way of Camel, which logs what it resolves, a start's summary included, and drops backslashes.
            return value;
        }
        // Empty both where it is not set and where a placeholder in it cannot be resolved.
        Optional<String> resolved = properties.resolveProperty(name);
        if (resolved.isPresent()) {
            return resolved.get();
        }
        if (value == null || secret && !value.matches("\\{\\{[^{}]+}}")) {
            return value;
        } else if (secret) {
            throw new SettingException(name, "is a placeholder that cannot be resolved");
        }
        throw new SettingException(name, "'" + value + "' holds a placeholder that cannot be resolved");
    }

    /** {@code bactrian.upstage.api-key} as an environment variable: {@code BACTRIAN_UPSTAGE_API_KEY}. */
    public static String environmentName(String property) {
        return property.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
    }

    private static void rejectUnknown(Collection<String> names) {
        for (String name : names) {
            if (name.startsWith(Property.PREFIX) && Property.of(name).isEmpty()) {
                String nearest = Arrays.stream(Property.values()).map(Property::key)
                        .min(Comparator.comparingInt(key -> distance(key, name))).orElseThrow();
                throw new SettingException(name, "no such property; did you mean " + nearest + "?");
            }
        }
    }

    private static int distance(String a, String b) {
        int[] previous = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            previous[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int[] row = new int[b.length() + 1];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replace = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(replace, 1 + Math.min(previous[j], row[j - 1]));
            }
            previous = row;
        }
        return previous[b.length()];
    }

    private void check(Property property) {
        Optional<String> value = text(property);
        if (value.isEmpty()) {
            boolean needed = property.form() != Property.Form.TEXT && property.defaultValue(playground).isPresent();
            if (needed) {
                require(property);
            }
            return;
        }
        switch (property.form()) {
            case URL -> url(property, value.get());
            case URL_WITH_ID -> {
                if (!value.get().contains("{id}")) {
                    throw new SettingException(property.key(), "'" + value.get() + "' lacks {id}, the place of the prediction's id");
                }
                url(property, value.get().replace("{id}", "id"));
            }
            case WEBHOOK_URL -> webhookUrl(property, value.get());
            case PROXY -> proxy(property);
            case DURATION, CANCEL_AFTER -> duration(property);
            case WAIT -> preferWait();
            case COUNT, COUNT_OR_ZERO, PORT -> count(property);
            case SIZE -> bytes(property);
            case FLAG -> flag(property);
            default -> choice(property, value.get());
        }
    }

    private static void choice(Property property, String value) {
        String[] choices = property.form().choices;
        if (choices.length > 0 && !List.of(choices).contains(value)) {
            throw new SettingException(property.key(), "'" + value + "' is not one of " + String.join(", ", choices));
        }
    }

    private static URI url(Property property, String value) {
        try {
            URI uri = URI.create(value);
            if (uri.getHost() != null && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw new SettingException(property.key(), "'" + value.replaceAll("//[^/]*@", "//") + "' is not an http or https URL");
    }

    /** The service calls it with what the model put out: not over the network in the clear. */
    private static void webhookUrl(Property property, String value) {
        URI uri = url(property, value);
        boolean here = uri.getHost().matches("localhost|127\\.[0-9.]+|\\[::1]");
        if (!"https".equals(uri.getScheme()) && !here) {
            throw new SettingException(property.key(), "'" + value.replaceAll("//[^/]*@", "//") + "' is not an https URL");
        }
    }

    private void checkWebhooks() {
        if (webhookSecrets().isEmpty() && isSet(Property.REPLICATE_WEBHOOK_URL)) {
            throw new SettingException(Property.REPLICATE_WEBHOOK_SECRET.key(),
                    "must be set beside " + Property.REPLICATE_WEBHOOK_URL.key() + ", to know who calls");
        }
    }

    /** The URL that the service is to call when a prediction has ended; official API only. */
    public Optional<String> webhookUrl() {
        return replicateApi() == ReplicateApi.OFFICIAL ? text(Property.REPLICATE_WEBHOOK_URL) : Optional.empty();
    }

    /** The keys that webhooks may be signed with, each written {@code whsec_} and its bytes in base64. */
    public List<byte[]> webhookSecrets() {
        List<byte[]> keys = new ArrayList<>();
        for (String secret : text(Property.REPLICATE_WEBHOOK_SECRET).orElse("").split("[,\\s]+")) {
            if (!secret.isEmpty()) {
                keys.add(webhookKey(secret));
            }
        }
        return keys;
    }

    private static byte[] webhookKey(String secret) {
        try {
            byte[] key = secret.startsWith("whsec_") ? Base64.getDecoder().decode(secret.substring("whsec_".length())) : new byte[0];
            if (key.length > 0) {
                return key;
            }
        } catch (IllegalArgumentException e) {
            // said below, without the value
        }
        throw new SettingException(Property.REPLICATE_WEBHOOK_SECRET.key(), "is not of the form whsec_ and base64, or several separated by commas");
    }

    /** The value as it stands: what was set, else the profile's default; blank counts as not set. */
    public Optional<String> text(Property property) {
        String set = values.get(property);
        return set != null ? Optional.of(set).filter(v -> !v.isBlank()) : property.defaultValue(playground);
    }

    /** The value of a property that has a default. A blank one is an error where it is asked for. */
    public String require(Property property) {
        return text(property).orElseThrow(() -> new SettingException(property.key(), "must not be empty"));
    }

    /** Whether the property was set, to anything: not whether it has a default. */
    public boolean isSet(Property property) {
        return values.containsKey(property) && !values.get(property).isBlank();
    }

    /** A duration such as {@code 500ms}, {@code 10s}, {@code 1m30s} or a bare number of milliseconds, as Camel writes them. */
    public Duration duration(Property property) {
        String value = require(property);
        Matcher m = DURATION.matcher(value);
        try {
            if (m.matches()) {
                Duration duration = Duration.ofHours(part(m, 1)).plusMinutes(part(m, 2)).plusSeconds(part(m, 3)).plusMillis(part(m, 4));
                if (duration.compareTo(LONGEST) <= 0) {
                    return duration;
                }
            }
        } catch (ArithmeticException | NumberFormatException e) {
            // said below
        }
        throw new SettingException(property.key(), "'" + value + "' is not a duration such as 500ms, 10s or 1m30s, of a year at most");
    }

    private static long part(Matcher m, int group) {
        return m.group(group) == null ? 0 : Long.parseLong(m.group(group));
    }

    /** A whole number, at least 1 except where 0 has a meaning; of a port, 65535 at most. */
    public int count(Property property) {
        String value = require(property);
        int least = property.form() == Property.Form.COUNT ? 1 : 0;
        int most = property.form() == Property.Form.PORT ? 65_535 : Integer.MAX_VALUE;
        try {
            int count = Integer.parseInt(value);
            if (count >= least && count <= most) {
                return count;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new SettingException(property.key(), "'" + value + "' is not a whole number from " + least
                + (property.form() == Property.Form.PORT ? " to " + most : ""));
    }

    /** A size in bytes, written as a number or with KB, MB or GB (powers of 1024). */
    public long bytes(Property property) {
        String value = require(property);
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
            // said below
        }
        throw new SettingException(property.key(), "'" + value + "' is not a size such as 10MB");
    }

    /** {@code true} or {@code false}. */
    public boolean flag(Property property) {
        String value = require(property);
        if (!value.equals("true") && !value.equals("false")) {
            throw new SettingException(property.key(), "'" + value + "' is not true or false");
        }
        return value.equals("true");
    }

    /** The proxy, written {@code http://[user:password@]host:port}; user and password percent-encoded where needed. */
    public Optional<Proxy> proxy(Property property) {
        Optional<String> value = text(property);
        if (value.isEmpty()) {
            return Optional.empty();
        }
        // By hand: a password may hold characters that java.net.URI refuses.
        String text = value.get().trim();
        int at = text.lastIndexOf('@');
        String address = text.substring(at < 0 ? Math.min(7, text.length()) : at + 1).replaceAll("/$", "");
        int colon = address.lastIndexOf(':');
        try {
            if (text.startsWith("http://") && colon > 0) {
                int port = Integer.parseInt(address.substring(colon + 1));
                String[] user = at < 0 ? new String[] {null, null} : text.substring(7, at).split(":", 2);
                if (port > 0 && port < 65536 && user.length == 2) {
                    return Optional.of(new Proxy(address.substring(0, colon), port, decoded(user[0]), decoded(user[1])));
                }
            }
        } catch (IllegalArgumentException e) {
            // said below, without the value: it may hold a password
        }
        throw new SettingException(property.key(), "is not of the form http://[user:password@]host:port");
    }

    private static String decoded(String text) {
        if (text == null || !text.matches(".*%[0-9A-Fa-f]{2}.*")) {
            return text;
        }
        return URLDecoder.decode(text.replace("+", "%2B").replaceAll("%(?![0-9A-Fa-f]{2})", "%25"), StandardCharsets.UTF_8);
    }

    /** Whether the defaults are those of the services' keyless web playgrounds. */
    public boolean playground() {
        return playground;
    }

    /** How an Upstage request carries the conversation. */
    public PromptStyle promptStyle() {
        return PromptStyle.valueOf(require(Property.UPSTAGE_PROMPT_STYLE).toUpperCase(Locale.ROOT));
    }

    /** Which dialect of Replicate is spoken. */
    public ReplicateApi replicateApi() {
        return ReplicateApi.valueOf(require(Property.REPLICATE_API).toUpperCase(Locale.ROOT));
    }

    /** What is emitted for a result. */
    public EmitFormat emitFormat() {
        return EmitFormat.valueOf(require(Property.EMIT_FORMAT).toUpperCase(Locale.ROOT));
    }

    /** What becomes of the images of a result. */
    public ImagesMode imagesMode() {
        return ImagesMode.valueOf(require(Property.IMAGES).toUpperCase(Locale.ROOT));
    }

    /**
     * The deadline sent with a create on the official API: what is set, else the poll budget and a minute; empty where
     * the property is set to nothing. Never under the service's own minimum of 5 s (PROVIDERS.md 1.4).
     */
    public Optional<Duration> cancelAfter() {
        if (replicateApi() != ReplicateApi.OFFICIAL) {
            return Optional.empty();
        }
        String set = values.get(Property.REPLICATE_CANCEL_AFTER);
        if (set != null && set.isBlank()) {
            return Optional.empty();
        }
        Duration deadline = set != null ? duration(Property.REPLICATE_CANCEL_AFTER)
                : duration(Property.REPLICATE_POLL_DELAY).multipliedBy(count(Property.REPLICATE_POLL_MAX_ATTEMPTS)).plusMinutes(1);
        return Optional.of(deadline.compareTo(Duration.ofSeconds(5)) < 0 ? Duration.ofSeconds(5) : deadline);
    }

    /** Whether a text is read as the model writes it, where the service offers that. */
    public boolean replicateStreams() {
        return require(Property.REPLICATE_STREAM).equals("auto");
    }

    /**
     * How long a create on the official API is asked to wait for its output, in whole seconds (PROVIDERS.md 1.3); empty
     * where it is not.
     */
    public Optional<Duration> preferWait() {
        if (!isSet(Property.REPLICATE_PREFER_WAIT)) {
            return Optional.empty();
        }
        Duration wait = duration(Property.REPLICATE_PREFER_WAIT);
        if (wait.toMillis() % 1000 != 0 || wait.toSeconds() < 1 || wait.toSeconds() > 60) {
            throw new SettingException(Property.REPLICATE_PREFER_WAIT.key(),
                    "'" + require(Property.REPLICATE_PREFER_WAIT) + "' is not a number of whole seconds from 1s to 60s");
        }
        return replicateApi() == ReplicateApi.OFFICIAL ? Optional.of(wait) : Optional.empty();
    }

    /** The endpoint URIs of a property that holds several, separated by {@code " | "}. */
    public List<String> endpoints(Property property) {
        List<String> uris = new ArrayList<>();
        text(property).ifPresent(value -> Arrays.stream(value.split("\\s\\|(?=\\s|$)")).map(String::trim)
                .filter(uri -> !uri.isEmpty()).forEach(uris::add));
        return List.copyOf(uris);
    }

    /** The URL of a broker, or several of them in parentheses, as it may be shown: its queries may hold passwords. */
    public static String withoutQueries(String url) {
        return url.replaceAll("\\?[^,)]*", "");
    }

    /** The text with every configured token taken out: a provider may echo one in an error. */
    public String redact(String text) {
        String clean = text;
        for (Property property : List.of(Property.REPLICATE_API_TOKEN, Property.UPSTAGE_API_KEY)) {
            String secret = text(property).map(String::trim).orElse("");
            if (secret.length() >= 4 && clean != null) {
                clean = clean.replace(secret, "***");
            }
        }
        return clean;
    }
}
