package dev.bactrian.kamelet;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import java.util.function.BiConsumer;

import dev.bactrian.emit.ChunkStream;
import dev.bactrian.emit.StreamBridge;
import dev.bactrian.generate.Account;
import dev.bactrian.generate.Headers;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangePropertyKey;
import org.apache.camel.Message;
import org.apache.camel.StartupListener;
import org.apache.camel.component.kamelet.Kamelet;

/**
 * The state of one use of a Kamelet: the {@link Account} made from its parameters, and the steps that leave no trace in the
 * caller's exchange. The {@code bactrian.*} properties apply where a parameter is missing.
 */
public final class KameletAccount implements CamelContextAware, StartupListener {

    /** The setter for each parameter; {@code endpoint} depends on the provider. */
    private static final Map<String, BiConsumer<Account, String>> PARAMETERS = Map.ofEntries(
            Map.entry("model", Account::setModel),
            Map.entry("modelPinned", Account::setModelPinned),
            Map.entry("modelsAllowed", Account::setModelsAllowed),
            Map.entry("input", Account::setInput),
            Map.entry("provider", Account::setProvider),
            Map.entry("kind", Account::setKind),
            Map.entry("apiKey", Account::setUpstageApiKey),
            Map.entry("upstageApiKey", Account::setUpstageApiKey),
            Map.entry("upstageEndpoint", Account::setUpstageEndpoint),
            Map.entry("promptStyle", Account::setPromptStyle),
            Map.entry("apiToken", Account::setReplicateApiToken),
            Map.entry("replicateApiToken", Account::setReplicateApiToken),
            Map.entry("replicateEndpoint", Account::setReplicateEndpoint),
            Map.entry("pollEndpoint", Account::setReplicatePollEndpoint),
            Map.entry("replicatePollEndpoint", Account::setReplicatePollEndpoint),
            Map.entry("pollDelay", Account::setPollDelay),
            Map.entry("pollMaxAttempts", Account::setPollMaxAttempts),
            Map.entry("temperature", Account::setTemperature),
            Map.entry("maxTokens", Account::setMaxTokens),
            Map.entry("chunkEndpoint", Account::setChunkEndpoint));

    private static final String KEPT = "bactrianKept";

    /** The caller's original message and variables, and an exception that the caller had caught before, or null. */
    private record Kept(Object body, Map<String, Object> headers, Object account, Object keepText, Object caught) {
    }

    private final Account account = new Account();
    private CamelContext camelContext;
    private String provider;
    private volatile boolean routesLoaded;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        account.setCamelContext(camelContext);
    }

    /** Sets the provider: {@code replicate} or {@code upstage}. */
    public void setProvider(String provider) {
        this.provider = provider;
        account.setProvider(provider);
    }

    /** Sets the kind of output: {@code text} or {@code image}. */
    public void setKind(String kind) {
        account.setKind(kind);
    }

    /**
     * Reads the parameters, on the thread that creates the Kamelet's route, and has the packaged routes loaded.
     *
     * @throws dev.bactrian.config.SettingException if a value is malformed, or another Kamelet uses the same name
     */
    public void start() throws Exception {
        Properties given = camelContext.getPropertiesComponent().getLocalProperties();
        KameletNames.of(camelContext).use(given.getProperty(Kamelet.PARAM_TEMPLATE_ID), given.getProperty(Kamelet.PARAM_ROUTE_ID));
        PARAMETERS.forEach((name, setter) -> read(given, name, setter));
        read(given, "endpoint", "upstage".equals(provider) ? Account::setUpstageEndpoint : Account::setReplicateEndpoint);
        account.start();
        if (!camelContext.isStarted()) {
            camelContext.addStartupListener(this);
        }
    }

    private void read(Properties given, String name, BiConsumer<Account, String> setter) {
        Object value = given.get(name);
        if (value != null) {
            setter.accept(account, PipeValues.plain(name, value.toString()));
        }
    }

    /** At this point the application has loaded its own routes, and none of their consumers has started. */
    @Override
    public void onCamelContextStarting(CamelContext context, boolean alreadyStarted) throws Exception {
        KameletNames.of(context).requireStepsOfOne();
        requireRoutes();
    }

    @Override
    public void onCamelContextStarted(CamelContext context, boolean alreadyStarted) {
        // done in onCamelContextStarting
    }

    private void requireRoutes() throws Exception {
        if (!routesLoaded) {
            PackagedRoutes.require(camelContext);
            routesLoaded = true;
        }
    }

    /** Sets the account for the following calls. */
    public void enter(Exchange exchange) throws Exception {
        // For a Kamelet that is created while the application runs: its route could not load others while it was being created.
        requireRoutes();
        Message message = exchange.getMessage();
        exchange.setProperty(KEPT, new Kept(message.getBody(), new LinkedHashMap<>(message.getHeaders()),
                exchange.getVariable(Account.VARIABLE), exchange.getVariable(StreamBridge.KEEP_TEXT),
                exchange.getProperty(ExchangePropertyKey.EXCEPTION_CAUGHT)));
        exchange.setVariable(Account.VARIABLE, account);
        exchange.setVariable(StreamBridge.KEEP_TEXT, true);
    }

    /** Restores the caller's variables of the same names. */
    public void release(Exchange exchange) {
        Kept kept = exchange.getProperty(KEPT, Kept.class);
        put(exchange, Account.VARIABLE, kept.account());
        put(exchange, StreamBridge.KEEP_TEXT, kept.keepText());
    }

    private static void put(Exchange exchange, String variable, Object value) {
        if (value == null) {
            exchange.removeVariable(variable);
        } else {
            exchange.setVariable(variable, value);
        }
    }

    /** Replaces the stream in the body by its result document. */
    public void result(Exchange exchange) {
        Message message = exchange.getMessage();
        String document = message.getBody(ChunkStream.class).document();
        message.setBody(document);
        message.setHeader(Headers.STATUS, "succeeded");
        if (message.getHeader(Headers.KIND) == null) {
            // The catalogue does not know the model; the result says the kind.
            ProviderJson.json(document).map(json -> json.path("kind").textValue()).ifPresent(kind -> message.setHeader(Headers.KIND, kind));
        }
    }

    /** Ends the steps. If the request has failed, restores the caller's message, so that only the exception is left. */
    public void leave(Exchange exchange) {
        Kept kept = exchange.getProperty(KEPT, Kept.class);
        if (kept == null) {
            return;
        }
        release(exchange);
        exchange.removeProperty(KEPT);
        // If the caller had caught an exception before it called the Kamelet, that exception is still set.
        if (exchange.getProperty(ExchangePropertyKey.EXCEPTION_CAUGHT) != kept.caught()) {
            exchange.getMessage().setBody(kept.body());
            exchange.getMessage().setHeaders(kept.headers());
        }
    }
}
