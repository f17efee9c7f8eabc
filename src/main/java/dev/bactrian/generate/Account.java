package dev.bactrian.generate;

import java.math.BigDecimal;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.model.AllowedModels;
import dev.bactrian.model.Catalogue;
import dev.bactrian.model.Kind;
import dev.bactrian.model.ProviderName;
import dev.bactrian.request.GenerateRequest;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;

/**
 * Keys, endpoints and defaults for the requests of some routes. Values that are not set are those of the {@code bactrian.*} properties; a
 * blank value counts as not set. An account is a bean of the application or of a Kamelet; a route selects it by the exchange variable
 * {@code bactrianAccount}, which no message can set.
 */
public final class Account implements CamelContextAware {

    /** The name of the exchange variable. Its value is an account or the name of an account's bean. */
    public static final String VARIABLE = "bactrianAccount";

    private final Map<Property, String> properties = new EnumMap<>(Property.class);
    private CamelContext camelContext;
    private String name;
    private String model;
    private ProviderName provider;
    private Kind kind;
    private boolean modelPinned;
    private String modelsAllowed;
    private boolean textAlone;
    private BigDecimal temperature;
    private Integer maxTokens;

    /**
     * Checks the values, so that a wrong one fails the startup and not the first request.
     *
     * @throws SettingException if a value is malformed
     */
    public void start() {
        key(Settings.of(camelContext));
        allowed(Models.of(camelContext).catalogue());
        requireModelToPin();
    }

    /**
     * Checks that a pinned model is set. Otherwise each request could choose its model.
     *
     * @throws SettingException if the model is pinned but not set
     */
    public void requireModelToPin() {
        if (modelPinned && model == null) {
            throw new SettingException("modelPinned", "no model is named that could be pinned");
        }
    }

    /**
     * Adds the account to the settings. Returns the key for {@link Settings#account}, which reveals none of the values.
     *
     * @throws SettingException if a value is malformed
     */
    public String key(Settings settings) {
        String key = Generation.fingerprint(properties.toString());
        settings.add(key, properties);
        return key;
    }

    /**
     * Returns a fingerprint of the Replicate endpoint and token, which distinguishes the account's predictions from those of other
     * accounts. Of several tokens the first counts, so that others can be added.
     */
    public String owner() {
        String tokens = properties.get(Property.REPLICATE_API_TOKEN);
        return Generation.fingerprint(properties.get(Property.REPLICATE_API_ENDPOINT) + " " + (tokens == null ? null : tokens.split(",", 2)[0]));
    }

    /** Returns the models that the account allows; the application may allow fewer. */
    AllowedModels allowed(Catalogue catalogue) {
        return modelsAllowed == null ? AllowedModels.ALL : AllowedModels.of(catalogue, "modelsAllowed", modelsAllowed);
    }

    /** Whether a body is always plain text, even if it looks like a request document. */
    public boolean isTextAlone() {
        return textAlone;
    }

    /** Returns the request with the account's defaults for everything that it does not set. A pinned model replaces that of the request, and no other is tried. */
    public GenerateRequest complete(GenerateRequest request) {
        GenerateRequest asked = modelPinned
                ? new GenerateRequest(request.id(), null, null, request.kind(), request.messages(), request.prompt(), request.options(), List.of(), null)
                : request;
        return withDefaults(asked);
    }

    private GenerateRequest withDefaults(GenerateRequest request) {
        boolean otherProvider = request.provider() != null && !request.provider().equals(provider);
        boolean named = request.model() != null || otherProvider;
        ObjectNode options = request.options().deepCopy();
        if (temperature != null && !options.has("temperature")) {
            options.put("temperature", temperature);
        }
        if (maxTokens != null && !options.has("max_tokens")) {
            options.put("max_tokens", maxTokens);
        }
        return new GenerateRequest(request.id(), named ? request.model() : model, request.provider() == null ? provider : request.provider(),
                request.kind() == null && (!named || request.model() != null) ? kind : request.kind(), request.messages(), request.prompt(), options,
                request.fallback(), request.fallbackAfterPaid());
    }

    /** Whether the account sets a model, a provider or a kind for requests that name none. */
    public boolean choosesModel() {
        return model != null || provider != null || kind != null;
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        requireProvider();
    }

    private void requireProvider() {
        if (camelContext != null && provider != null && !Catalogue.OWN.contains(provider)) {
            Set<ProviderName> known = Models.of(camelContext).catalogue().providers();
            if (!known.contains(provider)) {
                throw notAProvider(provider.toString(), known);
            }
        }
    }

    private static SettingException notAProvider(String name, Set<ProviderName> known) {
        return new SettingException("provider", "'" + name + "' is not one of "
                + String.join(", ", known.stream().map(ProviderName::toString).toList()));
    }

    /** Sets the model, an id or an alias, of requests that name neither a model nor another provider. */
    public void setModel(String model) {
        this.model = given(model).orElse(null);
    }

    /** If {@code true}, the account's model answers every request, whatever model the body or the headers name. */
    public void setModelPinned(String pinned) {
        this.modelPinned = given(pinned).map(value -> flag("modelPinned", value)).orElse(false);
    }

    /**
     * Restricts the models that requests may use: ids and aliases, separated by commas. Models that {@code bactrian.models.allowed}
     * excludes stay excluded.
     */
    public void setModelsAllowed(String names) {
        this.modelsAllowed = given(names).orElse(null);
    }

    /** Sets how a body is read: {@code text}, always as plain text; {@code request}, as a request document if it is one. */
    public void setInput(String input) {
        this.textAlone = given(input).map(value -> isText("input", value)).orElse(false);
    }

    private static boolean flag(String name, String value) {
        if (!value.equals("true") && !value.equals("false")) {
            throw new SettingException(name, "'" + value + "' is not true or false");
        }
        return value.equals("true");
    }

    /** Sets the provider of requests that name none, by its name in the catalogue, such as {@code replicate} or {@code upstage}. */
    public void setProvider(String provider) {
        this.provider = given(provider).map(name -> ProviderName.of(name).orElseThrow(() -> notAProvider(name, Catalogue.OWN))).orElse(null);
        requireProvider();
    }

    /**
     * Sets the kind, {@code text} or {@code image}, of requests that name neither a model nor another provider, and of models that the
     * catalogue does not contain.
     */
    public void setKind(String kind) {
        this.kind = given(kind).map(name -> Kind.of(name).orElseThrow(
                () -> new SettingException("kind", "'" + name + "' is not one of text, image"))).orElse(null);
    }

    /** Sets the field {@code temperature} of requests without one. */
    public void setTemperature(String temperature) {
        try {
            this.temperature = given(temperature).map(BigDecimal::new).orElse(null);
        } catch (NumberFormatException e) {
            throw new SettingException("temperature", "'" + temperature + "' is not a number");
        }
    }

    /** Sets the field {@code max_tokens} of requests without one. */
    public void setMaxTokens(String maxTokens) {
        try {
            this.maxTokens = given(maxTokens).map(Integer::valueOf).orElse(null);
        } catch (NumberFormatException e) {
            throw new SettingException("maxTokens", "'" + maxTokens + "' is not a whole number");
        }
    }

    /** Overrides {@code bactrian.upstage.api-key}. */
    public void setUpstageApiKey(String key) {
        put(Property.UPSTAGE_API_KEY, key);
    }

    /** Overrides {@code bactrian.upstage.api-endpoint}. */
    public void setUpstageEndpoint(String url) {
        put(Property.UPSTAGE_API_ENDPOINT, url);
    }

    /** Overrides {@code bactrian.upstage.prompt-style}. */
    public void setPromptStyle(String style) {
        put(Property.UPSTAGE_PROMPT_STYLE, style);
    }

    /** Overrides {@code bactrian.replicate.api-token}. */
    public void setReplicateApiToken(String token) {
        put(Property.REPLICATE_API_TOKEN, token);
    }

    /** Overrides {@code bactrian.replicate.api-endpoint}. */
    public void setReplicateEndpoint(String url) {
        put(Property.REPLICATE_API_ENDPOINT, url);
    }

    /** Overrides {@code bactrian.replicate.poll-endpoint}. If only the API endpoint is overridden, polls go to {@code /{id}} below it. */
    public void setReplicatePollEndpoint(String url) {
        put(Property.REPLICATE_POLL_ENDPOINT, url);
    }

    /** Overrides {@code bactrian.replicate.poll-delay}. */
    public void setPollDelay(String delay) {
        put(Property.REPLICATE_POLL_DELAY, delay);
    }

    /** Overrides {@code bactrian.replicate.poll-max-attempts}. */
    public void setPollMaxAttempts(String polls) {
        put(Property.REPLICATE_POLL_MAX_ATTEMPTS, polls);
    }

    /** Sets the account's limit of spending per day, such as {@code 10 USD}; {@code bactrian.budget.day} still applies to all spending. */
    public void setBudgetDay(String amount) {
        put(Property.BUDGET_DAY, amount);
    }

    /** Sets the same per month. */
    public void setBudgetMonth(String amount) {
        put(Property.BUDGET_MONTH, amount);
    }

    /** Whether the account has a limit of spending of its own. */
    public boolean hasBudget() {
        return properties.containsKey(Property.BUDGET_DAY) || properties.containsKey(Property.BUDGET_MONTH);
    }

    /** Sets the name under which the account's spending is recorded. By default it is the name of the account's bean. */
    public void setName(String name) {
        this.name = given(name).orElse(null);
    }

    /** Returns the name, or null. */
    public String name() {
        return name;
    }

    /** Overrides {@code bactrian.emit.chunk}. */
    public void setChunkEndpoint(String uris) {
        put(Property.EMIT_CHUNK, uris);
    }

    /** Returns the endpoints that replace {@code bactrian.emit.chunk}; empty if none are set. */
    public List<String> chunkEndpoints() {
        return Settings.uris(properties.getOrDefault(Property.EMIT_CHUNK, ""));
    }

    private void put(Property property, String value) {
        given(value).map(text -> Settings.value(property, text)).filter(text -> !text.isEmpty()).ifPresent(text -> properties.put(property, text));
    }

    private static Optional<String> given(String value) {
        return Optional.ofNullable(value).map(Settings::trimmed).filter(text -> !text.isEmpty());
    }

    /**
     * Whether the value is {@code text} and not {@code request}.
     *
     * @throws SettingException if it is neither
     */
    public static boolean isText(String name, String input) {
        if (!input.equals("text") && !input.equals("request")) {
            throw new SettingException(name, "'" + input + "' is not one of request, text");
        }
        return input.equals("text");
    }
}
