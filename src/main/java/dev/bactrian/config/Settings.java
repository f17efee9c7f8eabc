package dev.bactrian.config;

import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Stream;

import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.slf4j.Logger;

/**
 * The {@code bactrian.*} properties, read once, checked whole and typed. Immutable, but for the accounts that
 * it takes in.
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

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.config");
    private static final String BEAN = "bactrianSettings";
    private static final int SHARE_OF_HEAP = 4;
    private static final List<Property> KEYS = List.of(Property.REPLICATE_API_TOKEN, Property.UPSTAGE_API_KEY);
    private static final int SHORTEST_IN_ERRORS = 4;
    private static final int SHORTEST_IN_ANSWERS = 8;
    private static final Map<Property, String> PROVIDERS_OWN_NAMES = Map.of(
            Property.REPLICATE_API_TOKEN, "REPLICATE_API_TOKEN",
            Property.UPSTAGE_API_KEY, "UPSTAGE_API_KEY");

    private final Map<Property, String> values = new EnumMap<>(Property.class);
    private final boolean playground;
    /** By their keys, the settings of accounts. */
    private final Map<String, Settings> accounts = new ConcurrentHashMap<>();
    private final Set<String> said = ConcurrentHashMap.newKeySet();
    /** The tokens that are no property. */
    private final Set<String> otherTokens;
    /** In every form that is masked, the longest first. */
    private volatile List<String> tokens;
    private volatile List<String> longTokens;

    private Settings(Function<String, String> lookup, Function<String, String> environment) {
        for (Property property : Property.values()) {
            String value = lookup.apply(property.key());
            String former = property.formerKey().map(lookup).orElse(null);
            if (former != null) {
                LOG.warn("{} is now named {}: rename it", property.formerKey().orElseThrow(), property.key());
                value = value == null ? former : value;
            }
            if (value == null && PROVIDERS_OWN_NAMES.containsKey(property)) {
                value = environment.apply(PROVIDERS_OWN_NAMES.get(property));
            }
            if (value != null) {
                values.put(property, Values.read(property, value));
            }
        }
        playground = "playground".equals(values.get(Property.PROFILE));
        for (Property property : Property.values()) {
            check(property);
        }
        checkWebhooks();
        otherTokens = ConcurrentHashMap.newKeySet();
        findTokens();
    }

    private Settings(Settings defaults, Map<Property, String> own) {
        values.putAll(defaults.values);
        own.forEach((property, value) -> values.put(property, Values.read(property, value)));
        playground = defaults.playground;
        if (own.containsKey(Property.REPLICATE_API_ENDPOINT) && !own.containsKey(Property.REPLICATE_POLL_ENDPOINT)) {
            values.put(Property.REPLICATE_POLL_ENDPOINT, below(own.get(Property.REPLICATE_API_ENDPOINT), "/{id}"));
        }
        own.keySet().forEach(this::check);
        otherTokens = defaults.otherTokens;
        findTokens();
    }

    private void findTokens() {
        tokens = tokens(SHORTEST_IN_ERRORS);
        longTokens = tokens(SHORTEST_IN_ANSWERS);
    }

    /** Has a token that is no property taken out as those are: of a provider whose route file sets it. */
    public void mask(String token) {
        otherTokens.add(token);
        findTokens();
        accounts.values().forEach(Settings::findTokens);
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

    /** The settings of all accounts that are known by now. */
    public List<Settings> accounts() {
        return List.copyOf(accounts.values());
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
        Sources.rejectUnknown(properties.keySet());
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
                settings = new Settings(Sources.of(context), System::getenv);
                context.getRegistry().bind(BEAN, settings);
            }
            Placeholders.add(context, settings);
            return settings;
        }
    }

    /**
     * A value of that property as it counts: without blanks at its ends, and of a key the key alone.
     *
     * @throws SettingException where it is no key
     */
    public static String value(Property property, String written) {
        return Values.read(property, written);
    }

    /** A value without the blanks, line ends and invisible characters at its ends. */
    public static String trimmed(String written) {
        return Values.trimmed(written);
    }

    /** Whether that is asked for the first time: a bean of a route file may be made twice, and what it says of the settings is said once. */
    public boolean isFirst(String what) {
        return said.add(what);
    }

    private void check(Property property) {
        Optional<String> value = text(property);
        if (value.isPresent()) {
            Values.check(property, value.get());
            if (property.isUrl() && values.containsKey(property)) {
                values.put(property, Values.url(property, value.get()).toString());
            }
        } else if (property.form() != Property.Form.TEXT && property.defaultValue(playground).isPresent()) {
            require(property);
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

    /** The keys that webhooks may be signed with. */
    public List<byte[]> webhookSecrets() {
        return text(Property.REPLICATE_WEBHOOK_SECRET).map(value -> Values.webhookSecrets(Property.REPLICATE_WEBHOOK_SECRET, value)).orElse(List.of());
    }

    /** The value as it stands: what was set, else the profile's default; blank counts as not set. */
    public Optional<String> text(Property property) {
        String set = values.get(property);
        return set != null ? Optional.of(set).filter(v -> !v.isBlank()) : property.defaultValue(playground);
    }

    /** What was set, also where that is blank. */
    Optional<String> written(Property property) {
        return Optional.ofNullable(values.get(property));
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
        return Values.duration(property, require(property));
    }

    /** A whole number, at least 1 except where 0 has a meaning; of a port, 65535 at most. */
    public int count(Property property) {
        return Values.count(property, require(property));
    }

    /** A size in bytes, written as a number or with KB, MB or GB (powers of 1024). */
    public long bytes(Property property) {
        return Values.bytes(property, require(property));
    }

    /** What the answers of all requests in work may take up together, in bytes: what is set, else a quarter of the heap. */
    public long answersBytes() {
        String value = require(Property.MAX_ANSWERS_BYTES);
        return value.equals(Values.AUTO) ? Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP : Values.bytes(Property.MAX_ANSWERS_BYTES, value);
    }

    /** {@code true} or {@code false}. */
    public boolean flag(Property property) {
        return Values.flag(property, require(property));
    }

    /** The proxy, where one is set. */
    public Optional<Proxy> proxy(Property property) {
        return text(property).map(value -> Values.proxy(property, value));
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
        return cancelAfter(Duration.ZERO);
    }

    /** The same where two polls are that far apart, or farther. */
    public Optional<Duration> cancelAfter(Duration pause) {
        if (replicateApi() != ReplicateApi.OFFICIAL) {
            return Optional.empty();
        }
        String set = values.get(Property.REPLICATE_CANCEL_AFTER);
        if (set != null && set.isBlank()) {
            return Optional.empty();
        }
        Duration delay = duration(Property.REPLICATE_POLL_DELAY);
        Duration deadline = set != null ? duration(Property.REPLICATE_CANCEL_AFTER)
                : (pause.compareTo(delay) > 0 ? pause : delay).multipliedBy(count(Property.REPLICATE_POLL_MAX_ATTEMPTS)).plusMinutes(1);
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
        Duration wait = Values.wait(Property.REPLICATE_PREFER_WAIT, require(Property.REPLICATE_PREFER_WAIT));
        return replicateApi() == ReplicateApi.OFFICIAL ? Optional.of(wait) : Optional.empty();
    }

    /** The endpoint URIs of a property that holds several, separated by {@code " | "}. */
    public List<String> endpoints(Property property) {
        return text(property).map(Settings::uris).orElse(List.of());
    }

    /** The URIs of a value that holds several. */
    public static List<String> uris(String value) {
        return Arrays.stream(value.split("\\s\\|(?=\\s|$)")).map(String::trim).filter(uri -> !uri.isEmpty()).toList();
    }

    /** The URL of a broker, or several of them in parentheses, as it may be shown: its queries may hold passwords. */
    public static String withoutQueries(String url) {
        return url.replaceAll("\\?[^,)]*", "");
    }

    /**
     * The text with every configured token, and every secret of a destination, taken out: an error may echo one. So is the
     * beginning of a token that a cut has left.
     */
    public String redact(String text) {
        String clean = text;
        for (Property property : List.of(Property.EMIT_RESULT, Property.EMIT_ERROR, Property.EMIT_CHUNK)) {
            for (String uri : endpoints(property)) {
                for (String secret : Masked.secrets(uri)) {
                    clean = clean == null ? null : clean.replace(secret, Masked.TOKEN);
                }
            }
        }
        return clean == null ? null : Masked.withoutCut(Masked.without(clean, tokens), tokens);
    }

    /**
     * An answer's text with every configured token of {@value #SHORTEST_IN_ANSWERS} characters or more taken out, as it is
     * and as it would stand in a URL or in JSON; the same object where it has none. A shorter one may be a word.
     */
    public String masked(String text) {
        return Masked.without(text, longTokens);
    }

    private List<String> tokens(int shortest) {
        return Stream.concat(KEYS.stream().flatMap(property -> text(property).stream()), otherTokens.stream()).filter(token -> token.length() >= shortest)
                .flatMap(token -> Masked.forms(token).stream()).sorted(Comparator.comparingInt(String::length).reversed()).toList();
    }
}
