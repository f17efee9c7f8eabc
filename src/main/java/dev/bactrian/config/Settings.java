package dev.bactrian.config;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;

import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.slf4j.Logger;

/**
 * The {@code bactrian.*} properties, validated and typed. They are read once; afterwards only accounts and further tokens are added.
 *
 * <p>In a Camel context {@link #of(CamelContext)} reads them from the context's properties on first use; all beans of the routes
 * share them.
 */
public final class Settings {

    /** An HTTP proxy; user and password are null if it needs none. */
    public record Proxy(String host, int port, String user, String password) {
        @Override
        public String toString() {
            return host + ":" + port;
        }
    }

    private record Uris(List<String> all) {
    }

    /** A limit of spending; the currency is null if it is that of all prices. */
    public record Budget(BigDecimal amount, String currency) {
    }

    /** How many characters of a key may be shown: the last ones. */
    public static final int SHOWN_OF_A_KEY = 4;

    /**
     * The settings of a provider that the catalogue adds.
     *
     * @param endpoint the URL of its chat completions
     * @param keys     its API keys; empty if it needs none
     */
    public record OtherProvider(String endpoint, List<String> keys, Optional<Proxy> proxy) {
        @Override
        public String toString() {
            return endpoint;
        }
    }

    /** How the conversation is sent to Upstage: as messages with roles, or as one formatted prompt. */
    public enum PromptStyle { MESSAGES, FLATTENED }

    /** The variant of Replicate's API: the official one, or that of the keyless web playground. */
    public enum ReplicateApi { OFFICIAL, HOMEPAGE }

    /** What is emitted for a result: the document, or its content alone. */
    public enum EmitFormat { JSON, CONTENT }

    /** How the images of a result are delivered: as URLs, as files beside the document, or inside the document. */
    public enum ImagesMode { URL, DOWNLOAD, INLINE }

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.config");
    private static final String BEAN = "bactrianSettings";
    private static final int SHARE_OF_HEAP = 4;
    private static final List<Property> KEYS = Arrays.stream(Property.values()).filter(property -> property.form() == Property.Form.KEY).toList();
    private static final int SHORTEST_IN_ERRORS = 4;
    private static final int SHORTEST_IN_ANSWERS = 8;
    private static final Map<Property, String> PROVIDERS_OWN_NAMES = Map.of(
            Property.REPLICATE_API_TOKEN, "REPLICATE_API_TOKEN",
            Property.UPSTAGE_API_KEY, "UPSTAGE_API_KEY");

    private final Map<Property, String> values = new EnumMap<>(Property.class);
    /** The values that have a type, once they were asked for. */
    private final Map<Property, Object> typed = new ConcurrentHashMap<>();
    private final boolean playground;
    /** The settings of accounts, by account key. */
    private final Map<String, Settings> accounts = new ConcurrentHashMap<>();
    private final Set<String> said = ConcurrentHashMap.newKeySet();
    private final Sources.Found source;
    /** Tokens that are set in a route file and not by a property. */
    private final Set<String> otherTokens;
    /** All forms of the tokens that are masked, the longest first. */
    private volatile List<String> tokens;
    private volatile List<String> longTokens;

    private Settings(Sources.Found source, Function<String, String> environment) {
        this.source = source;
        for (Property property : Property.values()) {
            String value = source.lookup().apply(property.key());
            String former = property.formerKey().map(source.lookup()).orElse(null);
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
        source = defaults.source;
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

    /** Also masks this token, which the route file of a provider sets without a property. Ignores null and a blank token. */
    public void mask(String token) {
        if (token != null && !token.isBlank() && otherTokens.add(token)) {
            findTokens();
            accounts.values().forEach(Settings::findTokens);
        }
    }

    /** Inserts the path into the URL, before its query. */
    public static String below(String url, String path) {
        int query = url.indexOf('?');
        return query < 0 ? url + path : url.substring(0, query) + path + url.substring(query);
    }

    /**
     * Adds an account: a copy of these settings in which the account's own values override some. Does nothing if the key exists.
     *
     * @throws SettingException if a value is malformed
     */
    public void add(String key, Map<Property, String> own) {
        accounts.computeIfAbsent(key, none -> new Settings(this, own));
    }

    /** Returns the settings of all accounts added so far. */
    public List<Settings> accounts() {
        return List.copyOf(accounts.values());
    }

    /** Returns the settings of the account with that key, or these settings if the key is null. */
    public Settings account(String key) {
        return key == null ? this : Objects.requireNonNull(accounts.get(key), "no such account");
    }

    /**
     * Returns the settings from a map of full property names.
     *
     * @throws SettingException if a value is malformed or a name is unknown
     */
    public static Settings of(Map<String, String> properties) {
        return new Settings(Sources.of(properties), name -> properties.get("env:" + name));
    }

    /**
     * Returns the settings of a Camel context, the same object on each call.
     *
     * @throws SettingException if a value is malformed or a name is unknown
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
     * Normalizes a value: trims it, and reduces an API key that was copied with quotation marks or {@code Bearer} to the key alone.
     *
     * @throws SettingException if the value of an API key property is not a key
     */
    public static String value(Property property, String written) {
        return Values.read(property, written);
    }

    /** Removes blanks, line ends and invisible characters from both ends. */
    public static String trimmed(String written) {
        return Values.trimmed(written);
    }

    /**
     * Returns true on the first call with this text and false afterwards. Camel may create a bean of a route file twice; what it
     * logs about the settings is logged once.
     */
    public boolean isFirst(String what) {
        return said.add(what);
    }

    /**
     * Checks that each property of a provider is one of a provider that the catalogue adds.
     *
     * @param names the names of these providers
     * @throws SettingException if one is not
     */
    public void requireProviders(Collection<String> names) {
        for (String key : source.ofProviders()) {
            if (!names.contains(Property.providerOf(key).orElseThrow())) {
                throw Sources.unknown(key, names.stream().flatMap(name -> Stream.of("api-key", "api-endpoint", "proxy").map(last -> nameOf(name, last)))
                        .toList());
            }
        }
    }

    /** Whether a property of a provider that the catalogue adds is set. */
    public boolean isOtherProviderSet() {
        return !source.ofProviders().isEmpty();
    }

    private static String nameOf(String provider, String last) {
        return Property.PREFIX + provider + "." + last;
    }

    /**
     * Returns the settings of a provider that the catalogue adds, and masks its keys from here on.
     *
     * @param name     its name, such as {@code groq}
     * @param endpoint the endpoint in the catalogue, or null: the URL of the chat completions or the one above it
     * @throws SettingException if a property is malformed or there is no endpoint
     */
    public OtherProvider provider(String name, String endpoint) {
        List<String> keys = keys(set(nameOf(name, "api-key")).map(value -> Values.keys(nameOf(name, "api-key"), value)));
        keys.forEach(this::mask);
        String url = set(nameOf(name, "api-endpoint")).orElse(endpoint);
        if (url == null) {
            throw new SettingException(nameOf(name, "api-endpoint"), "must be set, because the catalogue has no endpoint for " + name);
        }
        String proxy = nameOf(name, "proxy");
        return new OtherProvider(chatCompletions(Values.url(nameOf(name, "api-endpoint"), url).toString()), keys,
                set(proxy).map(value -> Values.proxy(proxy, value)));
    }

    private Optional<String> set(String name) {
        return Optional.ofNullable(source.lookup().apply(name)).map(Values::trimmed).filter(value -> !value.isEmpty());
    }

    private static String chatCompletions(String url) {
        String path = url.replaceFirst("\\?.*", "");
        return path.endsWith("/chat/completions") ? url : below(path.replaceFirst("/+$", "") + url.substring(path.length()), "/chat/completions");
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

    /** Returns the URL that the service is to call when a prediction has ended; empty if none is set or the API is not the official one. */
    public Optional<String> webhookUrl() {
        return replicateApi() == ReplicateApi.OFFICIAL ? text(Property.REPLICATE_WEBHOOK_URL) : Optional.empty();
    }

    /** Returns the keys that webhooks may be signed with. */
    public List<byte[]> webhookSecrets() {
        return text(Property.REPLICATE_WEBHOOK_SECRET).map(value -> Values.webhookSecrets(Property.REPLICATE_WEBHOOK_SECRET, value)).orElse(List.of());
    }

    /** Returns the configured value, or else the profile's default; empty if the value is blank or there is none. */
    public Optional<String> text(Property property) {
        String set = values.get(property);
        return set != null ? Optional.of(set).filter(v -> !v.isBlank()) : property.defaultValue(playground);
    }

    /** Returns the API keys of a property that holds one or several, separated by commas. */
    public List<String> keys(Property property) {
        return keys(text(property));
    }

    private static List<String> keys(Optional<String> value) {
        return value.stream().flatMap(keys -> Arrays.stream(keys.split(","))).filter(key -> !key.isBlank()).toList();
    }

    /** Returns the configured value even if it is blank; empty if none is configured. */
    Optional<String> written(Property property) {
        return Optional.ofNullable(values.get(property));
    }

    /**
     * Returns the configured value or the default.
     *
     * @throws SettingException if there is none or it is blank
     */
    public String require(Property property) {
        return text(property).orElseThrow(() -> new SettingException(property.key(), "must not be empty"));
    }

    /** Whether the property is configured with a value that is not blank. A default does not count. */
    public boolean isSet(Property property) {
        return values.containsKey(property) && !values.get(property).isBlank();
    }

    /** Returns a duration such as {@code 500ms}, {@code 10s}, {@code 1m30s} or a bare number of milliseconds (Camel's syntax). */
    public Duration duration(Property property) {
        return typed(property, Duration.class, Values::duration);
    }

    /** Returns an integer: at least 1, or at least 0 if 0 has a meaning; at most 65535 for a port. */
    public int count(Property property) {
        return typed(property, Integer.class, Values::count);
    }

    /** Parses the value, once. */
    private <T> T typed(Property property, Class<T> type, BiFunction<Property, String, T> parser) {
        Object known = typed.get(property);
        if (known == null) {
            known = parser.apply(property, require(property));
            typed.put(property, known);
        }
        return type.cast(known);
    }

    /** Returns a size in bytes, configured as a number or with KB, MB or GB (powers of 1024). */
    public long bytes(Property property) {
        return Values.bytes(property, require(property));
    }

    /**
     * Returns how much memory, in bytes, the answers of all requests in progress may take up together: the configured size, or else
     * a quarter of the heap.
     */
    public long answersBytes() {
        String value = require(Property.MAX_ANSWERS_BYTES);
        return value.equals(Values.AUTO) ? Runtime.getRuntime().maxMemory() / SHARE_OF_HEAP : Values.bytes(Property.MAX_ANSWERS_BYTES, value);
    }

    /** Returns a limit of spending, if one is configured. */
    public Optional<Budget> budget(Property property) {
        return text(property).map(value -> Values.budget(property, value));
    }

    /** Returns limits of spending by the last four characters of a key. */
    public Map<String, Budget> budgets(Property property) {
        return text(property).map(value -> Values.budgets(property, value)).orElse(Map.of());
    }

    /**
     * Returns the part of a key that may be shown: its last four characters, or {@code none} if there is no key or it is too short to show
     * a part of it.
     */
    public static String shown(String key) {
        return key == null || key.length() < 3 * SHOWN_OF_A_KEY ? "none" : key.substring(key.length() - SHOWN_OF_A_KEY);
    }

    /** Returns {@code true} or {@code false}. */
    public boolean flag(Property property) {
        return Values.flag(property, require(property));
    }

    /** Returns the proxy, if one is configured. */
    public Optional<Proxy> proxy(Property property) {
        return text(property).map(value -> Values.proxy(property, value));
    }

    /** Whether our thread pools have virtual threads: if Java has them, unless {@code platform} is configured. */
    public boolean virtualThreads() {
        return Values.HAS_VIRTUAL_THREADS && !require(Property.THREADS).equals("platform");
    }

    /** Whether the defaults are those of the services' keyless web playgrounds. */
    public boolean playground() {
        return playground;
    }

    public PromptStyle promptStyle() {
        return PromptStyle.valueOf(require(Property.UPSTAGE_PROMPT_STYLE).toUpperCase(Locale.ROOT));
    }

    public ReplicateApi replicateApi() {
        return typed(Property.REPLICATE_API, ReplicateApi.class, (property, value) -> ReplicateApi.valueOf(value.toUpperCase(Locale.ROOT)));
    }

    public EmitFormat emitFormat() {
        return EmitFormat.valueOf(require(Property.EMIT_FORMAT).toUpperCase(Locale.ROOT));
    }

    public ImagesMode imagesMode() {
        return ImagesMode.valueOf(require(Property.IMAGES).toUpperCase(Locale.ROOT));
    }

    /**
     * Returns the deadline that is sent with a create on the official API: the configured duration, or else the poll budget plus a
     * minute. At least 5 s, the service's own minimum. Empty on another API, and if the property is set to an empty value.
     */
    public Optional<Duration> cancelAfter() {
        return cancelAfter(Duration.ZERO);
    }

    /** Same as {@link #cancelAfter()} if two polls are at least {@code pause} apart. */
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

    /** Whether text is read as a stream while the model generates it, if the service offers that. */
    public boolean replicateStreams() {
        return require(Property.REPLICATE_STREAM).equals("auto");
    }

    /**
     * Returns how long the service is asked to hold a create on the official API until the output is there, in whole seconds; empty
     * if it is not asked to.
     */
    public Optional<Duration> preferWait() {
        if (!isSet(Property.REPLICATE_PREFER_WAIT)) {
            return Optional.empty();
        }
        Duration wait = Values.wait(Property.REPLICATE_PREFER_WAIT, require(Property.REPLICATE_PREFER_WAIT));
        return replicateApi() == ReplicateApi.OFFICIAL ? Optional.of(wait) : Optional.empty();
    }

    /** Returns the endpoint URIs of a property that holds several, separated by {@code " | "}. */
    public List<String> endpoints(Property property) {
        return text(property).isEmpty() ? List.of() : typed(property, Uris.class, (same, value) -> new Uris(uris(value))).all();
    }

    /** Splits a value into the endpoint URIs that {@code " | "} separates. */
    public static List<String> uris(String value) {
        return Arrays.stream(value.split("\\s\\|(?=\\s|$)")).map(String::trim).filter(uri -> !uri.isEmpty()).toList();
    }

    /** Returns the URL of a broker, or several URLs in parentheses, without queries, which may hold passwords. */
    public static String withoutQueries(String url) {
        return url.replaceAll("\\?[^,)]*", "");
    }

    /**
     * Removes every configured token and every secret of an emit endpoint from an error's text, which may echo one. Also removes
     * the beginning of a token that a cut has left. Returns null for null.
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
     * Removes every configured token of {@value #SHORTEST_IN_ANSWERS} characters or more from an answer's text: as it is, URL-encoded,
     * and escaped for JSON. A shorter token may be an ordinary word. Returns the same object if the text contains none.
     */
    public String masked(String text) {
        return Masked.without(text, longTokens);
    }

    /** Returns how many characters at the end of a text may be the beginning of a token that {@link #masked} removes. */
    public int begun(CharSequence text) {
        return Masked.begun(text, longTokens);
    }

    private List<String> tokens(int shortest) {
        return Stream.concat(KEYS.stream().flatMap(property -> keys(property).stream()), otherTokens.stream()).filter(token -> token.length() >= shortest)
                .flatMap(token -> Masked.forms(token).stream()).sorted(Comparator.comparingInt(String::length).reversed()).toList();
    }
}
