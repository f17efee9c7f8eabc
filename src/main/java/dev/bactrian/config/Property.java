package dev.bactrian.config;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The {@code bactrian.*} properties: name, form and default of each. A test compares them with docs/reference/properties.md. */
public enum Property {

    MODELS("models", Form.TEXT, "classpath:bactrian/models.yaml", "classpath:bactrian/models-playground.yaml"),
    PROFILE("profile", Form.PROFILE, null),
    DEFAULT_MODEL("default-model", Form.TEXT, null),
    MODELS_ALLOWED("models.allowed", Form.TEXT, null),

    REPLICATE_API_ENDPOINT("replicate.api-endpoint", Form.URL, "https://api.replicate.com/v1/predictions",
            "https://homepage.replicate.com/api/prediction"),
    REPLICATE_POLL_ENDPOINT("replicate.poll-endpoint", Form.URL_WITH_ID, "https://api.replicate.com/v1/predictions/{id}",
            "https://homepage.replicate.com/api/poll?id={id}"),
    REPLICATE_API_TOKEN("replicate.api-token", Form.KEY, null),
    REPLICATE_API("replicate.api", Form.REPLICATE_API, "official", "homepage"),
    REPLICATE_POLL_DELAY("replicate.poll-delay", Form.DURATION, "1s", "5s"),
    REPLICATE_POLL_MAX_ATTEMPTS("replicate.poll-max-attempts", Form.COUNT, "150", "30"),
    REPLICATE_LOOKUP_DELAY("replicate.lookup-delay", Form.DURATION, "5s"),
    REPLICATE_CANCEL_AFTER("replicate.cancel-after", Form.CANCEL_AFTER, null),
    REPLICATE_WEBHOOK_URL("replicate.webhook-url", Form.WEBHOOK_URL, null),
    REPLICATE_WEBHOOK_SECRET("replicate.webhook-secret", Form.WEBHOOK_SECRETS, null),
    REPLICATE_WEBHOOK_FROM("replicate.webhook-from", Form.TEXT, "direct:bactrian-replicate-webhook"),
    REPLICATE_WEBHOOK_POLL_DELAY("replicate.webhook-poll-delay", Form.DURATION, "30s"),
    REPLICATE_PROXY("replicate.proxy", Form.PROXY, null),
    REPLICATE_STREAM("replicate.stream", Form.STREAM, "auto"),
    REPLICATE_STREAM_HOSTS("replicate.stream-hosts", Form.TEXT, "stream.replicate.com,c.replicate.net"),
    REPLICATE_PREFER_WAIT("replicate.prefer-wait", Form.WAIT, null),
    REPLICATE_MAX_CREATES_PER_MINUTE("replicate.max-creates-per-minute", Form.COUNT, "600"),
    REPLICATE_MAX_REQUESTS_PER_MINUTE("replicate.max-requests-per-minute", Form.COUNT, "3000"),

    UPSTAGE_API_ENDPOINT("upstage.api-endpoint", Form.URL, "https://api.upstage.ai/v1/chat/completions",
            "https://ap-northeast-2.apistage.ai/v1/web/demo/chat/completions"),
    UPSTAGE_API_KEY("upstage.api-key", Form.KEY, null),
    UPSTAGE_PROMPT_STYLE("upstage.prompt-style", Form.PROMPT_STYLE, "messages", "flattened"),
    UPSTAGE_PROXY("upstage.proxy", Form.PROXY, null),

    CONNECT_TIMEOUT("connect-timeout", Form.DURATION, "10s"),
    RESPONSE_TIMEOUT("response-timeout", Form.DURATION, "60s"),
    STALL_TIMEOUT("stall-timeout", Form.DURATION, "60s"),

    RETRY_MAX_ATTEMPTS("retry.max-attempts", Form.COUNT_OR_ZERO, "3"),
    RETRY_DELAY("retry.delay", Form.DURATION, "1s"),
    RETRY_MAX_DELAY("retry.max-delay", Form.DURATION, "30s"),

    INSTANCES("instances", Form.COUNT, "1"),
    CIRCUIT_BREAKER_FAILURE_RATE("circuit-breaker.failure-rate", Form.COUNT_OR_ZERO, "50"),
    CIRCUIT_BREAKER_CALLS("circuit-breaker.calls", Form.COUNT, "20"),
    CIRCUIT_BREAKER_WINDOW("circuit-breaker.window", Form.DURATION, "60s"),
    CIRCUIT_BREAKER_OPEN_TIME("circuit-breaker.open-time", Form.DURATION, "30s"),

    MAX_IN_FLIGHT("max-in-flight", Form.COUNT, "500"),
    MAX_REQUEST_BYTES("max-request-bytes", Form.SIZE, "10MB"),
    MAX_RESPONSE_BYTES("max-response-bytes", Form.SIZE, "64MB"),
    MAX_ANSWERS_BYTES("max-answers-bytes", Form.SIZE_OR_AUTO, "auto"),

    EMIT_RESULT("emit.result", Form.TEXT, "file:outbox?fileName=${header.BactrianRequestId}.json"),
    EMIT_ERROR("emit.error", Form.TEXT, "file:outbox?fileName=${header.BactrianRequestId}.error.json"),
    EMIT_CHUNK("emit.chunk", Form.TEXT, null),
    EMIT_BATCH("emit.batch", Form.TEXT, "file:outbox?fileName=${header.BactrianRequestId}.results.jsonl"),
    EMIT_FORMAT("emit.format", Form.EMIT_FORMAT, "json"),
    EMIT_TIMEOUT("emit.timeout", Form.DURATION, "30s"),
    UNDELIVERED("undelivered", Form.TEXT, "undelivered"),

    IMAGES("images", Form.IMAGES, "url"),
    IMAGES_HOSTS("images.hosts", Form.TEXT, "replicate.delivery"),
    IMAGES_MAX_BYTES("images.max-bytes", Form.SIZE, "50MB"),
    IMAGES_TIMEOUT("images.timeout", Form.DURATION, "2m"),

    FILE_ENABLED("file.enabled", Form.FLAG, "false"),
    FILE_INBOX("file.inbox", Form.TEXT, "inbox"),
    FILE_INPUT("file.input", Form.INPUT, "request"),

    JMS_ENABLED("jms.enabled", Form.FLAG, "false"),
    JMS_URL("jms.url", Form.TEXT, null),
    JMS_USER("jms.user", Form.TEXT, null),
    JMS_PASSWORD("jms.password", Form.SECRET, null),
    JMS_ACCEPTOR("jms.acceptor", Form.TEXT, null),
    JMS_CONNECTION_FACTORY("jms.connection-factory", Form.TEXT, null),
    JMS_INPUT("jms.input", Form.INPUT, "request"),
    JMS_REQUESTS("jms.requests", Form.TEXT, "bactrian.requests"),
    JMS_POLLS("jms.polls", Form.TEXT, "bactrian.polls"),
    JMS_DELIVERIES("jms.deliveries", Form.TEXT, "bactrian.deliveries"),
    JMS_DEAD_LETTERS("jms.dead-letters", Form.TEXT, "bactrian.dead"),
    JMS_CONCURRENCY("jms.concurrency", Form.COUNT, "8"),
    JMS_DELIVERY_ATTEMPTS("jms.delivery-attempts", Form.COUNT, "50"),
    JMS_REMEMBER("jms.remember", Form.DURATION, null),

    HTTP_ENABLED("http.enabled", Form.FLAG, "false"),
    HTTP_HOST("http.host", Form.TEXT, "127.0.0.1"),
    HTTP_PORT("http.port", Form.PORT, "8080"),
    HTTP_API_KEYS("http.api-keys", Form.SECRET, null),
    HTTP_ADMIN_KEYS("http.admin-keys", Form.SECRET, null),
    HTTP_MAX_REQUESTS("http.max-requests", Form.COUNT, null),
    HTTP_CORS_ORIGINS("http.cors-origins", Form.TEXT, null),
    HTTP_KEEP("http.keep", Form.DURATION, "1h"),
    HTTP_CONSOLE("http.console", Form.CONSOLE, "off"),

    BUDGET_DAY("budget.day", Form.BUDGET, null),
    BUDGET_MONTH("budget.month", Form.BUDGET, null),
    BUDGET_DAY_KEYS("budget.day.keys", Form.BUDGETS, null),
    BUDGET_MONTH_KEYS("budget.month.keys", Form.BUDGETS, null),
    BUDGET_WHEN_SPENT("budget.when-spent", Form.WHEN_SPENT, "refuse"),

    DATA_DIR("data-dir", Form.TEXT, "data"),
    LEDGER("ledger", Form.SECRET, null),
    LEDGER_USER("ledger.user", Form.TEXT, null),
    LEDGER_PASSWORD("ledger.password", Form.SECRET, null),

    THREADS("threads", Form.THREADS, "auto"),
    SHUTDOWN_TIMEOUT("shutdown-timeout", Form.DURATION, "25s"),
    MANAGEMENT_PORT("management.port", Form.PORT, "9876"),

    SIMULATOR("simulator", Form.SIMULATOR, "auto"),
    SHORT_NAMES("short-names", Form.FLAG, "true"),
    ROUTES("routes", Form.TEXT, "classpath:bactrian"),
    CONFIG("config", Form.TEXT, "bactrian.properties");

    /** The syntax of a value. */
    enum Form {
        TEXT, SECRET, KEY, URL, URL_WITH_ID, WEBHOOK_URL, WEBHOOK_SECRETS, PROXY, DURATION, COUNT, COUNT_OR_ZERO, PORT, SIZE, SIZE_OR_AUTO, FLAG,
        CANCEL_AFTER, WAIT, BUDGET, BUDGETS,
        PROFILE("playground"), REPLICATE_API("official", "homepage"), PROMPT_STYLE("messages", "flattened"),
        INPUT("request", "text"), CONSOLE("off", "read", "full"), WHEN_SPENT("refuse", "wait"),
        STREAM("auto", "off"), EMIT_FORMAT("json", "content"), IMAGES("url", "download", "inline"), SIMULATOR("auto", "true", "false"),
        THREADS("auto", "virtual", "platform");

        final String[] choices;

        Form(String... choices) {
            this.choices = choices;
        }
    }

    /** The prefix of all names. */
    public static final String PREFIX = "bactrian.";

    /** Former names. They still work; using one logs a warning. */
    private static final Map<Property, String> FORMER_KEYS = Map.of(REPLICATE_WEBHOOK_POLL_DELAY, PREFIX + "replicate.webhook-look-delay");

    /** The properties of a provider that the catalogue adds. */
    private static final Pattern OF_PROVIDER = Pattern.compile("bactrian\\.([a-z][a-z0-9]*)\\.(api-key|api-endpoint|proxy)");
    private static final Pattern OF_PROVIDER_IN_ENVIRONMENT = Pattern.compile("BACTRIAN_([A-Z][A-Z0-9]*)_(API_KEY|API_ENDPOINT|PROXY)");

    private final String key;
    private final Form form;
    private final String defaultValue;
    private final String playgroundValue;

    Property(String name, Form form, String defaultValue) {
        this(name, form, defaultValue, defaultValue);
    }

    Property(String name, Form form, String defaultValue, String playgroundValue) {
        this.key = PREFIX + name;
        this.form = form;
        this.defaultValue = defaultValue;
        this.playgroundValue = playgroundValue;
    }

    /** Returns the full name, such as {@code bactrian.upstage.api-key}. */
    public String key() {
        return key;
    }

    /** Returns the full name that this property had in an earlier version, if it was renamed. */
    public Optional<String> formerKey() {
        return Optional.ofNullable(FORMER_KEYS.get(this));
    }

    /**
     * Returns the provider whose property this is, such as {@code groq} for {@code bactrian.groq.api-key}; empty for Bactrian's own
     * properties. The catalogue must contain that provider.
     */
    public static Optional<String> providerOf(String key) {
        Matcher name = OF_PROVIDER.matcher(key);
        return name.matches() && !isFirstWord(name.group(1)) ? Optional.of(name.group(1)) : Optional.empty();
    }

    /** Whether names of Bactrian's own properties begin with that word, as {@code bactrian.jms.url} does with {@code jms}. */
    public static boolean isFirstWord(String word) {
        return Arrays.stream(values()).anyMatch(property -> property.key.equals(PREFIX + word) || property.key.startsWith(PREFIX + word + "."));
    }

    /** Returns the property of a provider of the catalogue that an environment variable sets; empty if it is another variable. */
    public static Optional<String> ofProviderInEnvironment(String variable) {
        Matcher name = OF_PROVIDER_IN_ENVIRONMENT.matcher(variable);
        return !name.matches() ? Optional.empty()
                : Optional.of(PREFIX + (name.group(1) + "." + name.group(2).replace('_', '-')).toLowerCase(Locale.ROOT)).filter(key -> providerOf(key).isPresent());
    }

    /** Whether the value of the property of that full name must never be shown. */
    public static boolean isSecret(String key) {
        return of(key).map(Property::secret).orElseGet(() -> providerOf(key).isPresent() && !key.endsWith(".api-endpoint"));
    }

    /** Returns the environment variable for a property: {@code BACTRIAN_UPSTAGE_API_KEY} for {@code bactrian.upstage.api-key}. */
    public static String environmentName(String key) {
        return key.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
    }

    Form form() {
        return form;
    }

    /** Returns the allowed values, or an empty list if the values are not enumerated. */
    public List<String> choices() {
        return List.of(form.choices);
    }

    /** Returns the Java type that tools show for this property: a duration, integer, boolean, data size or string. */
    public String type() {
        return switch (form) {
            case DURATION, CANCEL_AFTER, WAIT -> "java.time.Duration";
            case COUNT, COUNT_OR_ZERO, PORT -> "java.lang.Integer";
            case FLAG -> "java.lang.Boolean";
            case SIZE -> "org.springframework.util.unit.DataSize";
            default -> "java.lang.String";
        };
    }

    /** Whether the value is a URL that is called. */
    boolean isUrl() {
        return form == Form.URL || form == Form.URL_WITH_ID || form == Form.WEBHOOK_URL;
    }

    /** Whether the value must never be shown. */
    public boolean secret() {
        return form == Form.SECRET || form == Form.KEY || form == Form.WEBHOOK_SECRETS || form == Form.PROXY;
    }

    /** Returns the default, or that of the playground profile if {@code playground}; empty if there is none. */
    public Optional<String> defaultValue(boolean playground) {
        return Optional.ofNullable(playground ? playgroundValue : defaultValue);
    }

    /** Returns the property of that full name or former full name. */
    public static Optional<Property> of(String key) {
        return Arrays.stream(values()).filter(p -> p.key.equals(key) || key.equals(FORMER_KEYS.get(p))).findFirst();
    }
}
