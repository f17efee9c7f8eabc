package dev.bactrian.kamelet;

import java.util.Map;
import java.util.Properties;
import java.util.function.BiConsumer;

import dev.bactrian.generate.Account;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.StartupListener;
import org.apache.camel.component.kamelet.Kamelet;

/**
 * The state of one use of a Kamelet: the {@link Account} made from its parameters. It is the Kamelet's first step, which sets the account.
 * The {@code bactrian.*} properties apply where a parameter is missing.
 */
public final class KameletAccount implements CamelContextAware, Processor, StartupListener {

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
        CallerMessage.addTo(camelContext);
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

    /** Keeps the caller's message and sets the account for the following calls. */
    @Override
    public void process(Exchange exchange) throws Exception {
        // For a Kamelet that is created while the application runs: its route could not load others while it was being created.
        requireRoutes();
        CallerMessage.keep(exchange, account);
    }
}
