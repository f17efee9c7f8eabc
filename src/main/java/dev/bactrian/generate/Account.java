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
 * Keys, endpoints and defaults of one's own, for requests of some routes: what is not set here is as the
 * {@code bactrian.*} properties say. A bean of the application or of a Kamelet; a route names it in the exchange variable
 * {@code bactrianAccount}, which no message can set. A blank value counts as not set.
 */
public final class Account implements CamelContextAware {

    /** The exchange variable: an account, or the name of its bean. */
    public static final String VARIABLE = "bactrianAccount";

    private final Map<Property, String> properties = new EnumMap<>(Property.class);
    private CamelContext camelContext;
    private String model;
    private ProviderName provider;
    private Kind kind;
    private boolean modelPinned;
    private String modelsAllowed;
    private boolean textAlone;
    private BigDecimal temperature;
    private Integer maxTokens;

    /**
     * Checks the values, so that a bad one stops the start and not the first request.
     *
     * @throws SettingException where one is malformed
     */
    public void start() {
        key(Settings.of(camelContext));
        allowed(Models.of(camelContext).catalogue());
        requireModelToPin();
    }

    /**
     * A request would have the model that it names in place of none.
     *
     * @throws SettingException where there is no model to be pinned
     */
    public void requireModelToPin() {
        if (modelPinned && model == null) {
            throw new SettingException("modelPinned", "no model is named that could be pinned");
        }
    }

    /**
     * What {@link Settings#account} knows the account by; it shows nothing of it.
     *
     * @throws SettingException where a value is malformed
     */
    public String key(Settings settings) {
        String key = Generation.fingerprint(properties.toString());
        settings.add(key, properties);
        return key;
    }

    /** What tells its predictions from another account's: where they are created, and with which token. */
    public String owner() {
        return Generation.fingerprint(properties.get(Property.REPLICATE_API_ENDPOINT) + " " + properties.get(Property.REPLICATE_API_TOKEN));
    }

    /** The models that its requests may have, as far as the application allows them. */
    AllowedModels allowed(Catalogue catalogue) {
        return modelsAllowed == null ? AllowedModels.ALL : AllowedModels.of(catalogue, "modelsAllowed", modelsAllowed);
    }

    /** Whether a body is the text of a user, whatever it looks like. */
    public boolean isTextAlone() {
        return textAlone;
    }

    /**
     * The request, with the account's defaults where it says nothing itself, and with the account's model whatever it says
     * where that is pinned.
     */
    public GenerateRequest complete(GenerateRequest request) {
        GenerateRequest asked = modelPinned
                ? new GenerateRequest(request.id(), null, null, request.kind(), request.messages(), request.prompt(), request.options()) : request;
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
                request.kind() == null && (!named || request.model() != null) ? kind : request.kind(), request.messages(), request.prompt(), options);
    }

    /** Whether it says which model answers a request that does not. */
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

    /** The model of a request that names neither a model nor another provider: an id or an alias. */
    public void setModel(String model) {
        this.model = given(model).orElse(null);
    }

    /** {@code true}: that model answers every request, whatever its body and its headers name. */
    public void setModelPinned(String pinned) {
        this.modelPinned = given(pinned).map(value -> flag("modelPinned", value)).orElse(false);
    }

    /**
     * The models that requests may have, of those that {@code bactrian.models.allowed} allows: ids and aliases, separated by
     * commas.
     */
    public void setModelsAllowed(String names) {
        this.modelsAllowed = given(names).orElse(null);
    }

    /** {@code text}: a body is the text of a user, whatever it looks like; {@code request}: it may be a request document. */
    public void setInput(String input) {
        this.textAlone = given(input).map(value -> isText("input", value)).orElse(false);
    }

    private static boolean flag(String name, String value) {
        if (!value.equals("true") && !value.equals("false")) {
            throw new SettingException(name, "'" + value + "' is not true or false");
        }
        return value.equals("true");
    }

    /** The provider of a request that names none, by its name in the catalogue: {@code replicate} or {@code upstage}. */
    public void setProvider(String provider) {
        this.provider = given(provider).map(name -> ProviderName.of(name).orElseThrow(() -> notAProvider(name, Catalogue.OWN))).orElse(null);
        requireProvider();
    }

    /**
     * What a request asks for that names neither a model nor another provider, and the kind of a model that the catalogue
     * does not know: {@code text} or {@code image}.
     */
    public void setKind(String kind) {
        this.kind = given(kind).map(name -> Kind.of(name).orElseThrow(
                () -> new SettingException("kind", "'" + name + "' is not one of text, image"))).orElse(null);
    }

    /** The field {@code temperature} of a request without one. */
    public void setTemperature(String temperature) {
        try {
            this.temperature = given(temperature).map(BigDecimal::new).orElse(null);
        } catch (NumberFormatException e) {
            throw new SettingException("temperature", "'" + temperature + "' is not a number");
        }
    }

    /** The field {@code max_tokens} of a request without one. */
    public void setMaxTokens(String maxTokens) {
        try {
            this.maxTokens = given(maxTokens).map(Integer::valueOf).orElse(null);
        } catch (NumberFormatException e) {
            throw new SettingException("maxTokens", "'" + maxTokens + "' is not a whole number");
        }
    }

    /** {@code bactrian.upstage.api-key}. */
    public void setUpstageApiKey(String key) {
        put(Property.UPSTAGE_API_KEY, key);
    }

    /** {@code bactrian.upstage.api-endpoint}. */
    public void setUpstageEndpoint(String url) {
        put(Property.UPSTAGE_API_ENDPOINT, url);
    }

    /** {@code bactrian.upstage.prompt-style}. */
    public void setPromptStyle(String style) {
        put(Property.UPSTAGE_PROMPT_STYLE, style);
    }

    /** {@code bactrian.replicate.api-token}. */
    public void setReplicateApiToken(String token) {
        put(Property.REPLICATE_API_TOKEN, token);
    }

    /** {@code bactrian.replicate.api-endpoint}. */
    public void setReplicateEndpoint(String url) {
        put(Property.REPLICATE_API_ENDPOINT, url);
    }

    /** {@code bactrian.replicate.poll-endpoint}; with an endpoint of one's own, {@code /{id}} below it. */
    public void setReplicatePollEndpoint(String url) {
        put(Property.REPLICATE_POLL_ENDPOINT, url);
    }

    /** {@code bactrian.replicate.poll-delay}. */
    public void setPollDelay(String delay) {
        put(Property.REPLICATE_POLL_DELAY, delay);
    }

    /** {@code bactrian.replicate.poll-max-attempts}. */
    public void setPollMaxAttempts(String polls) {
        put(Property.REPLICATE_POLL_MAX_ATTEMPTS, polls);
    }

    /** {@code bactrian.emit.chunk}. */
    public void setChunkEndpoint(String uris) {
        put(Property.EMIT_CHUNK, uris);
    }

    /** The endpoints that get its chunks in place of {@code bactrian.emit.chunk}. */
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
     * Whether {@code text} is said, and not {@code request}.
     *
     * @throws SettingException where it is neither
     */
    public static boolean isText(String name, String input) {
        if (!input.equals("text") && !input.equals("request")) {
            throw new SettingException(name, "'" + input + "' is not one of request, text");
        }
        return input.equals("text");
    }
}
