package dev.bactrian.upstage;

import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.OtherProvider;
import dev.bactrian.config.Url;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.core.Steps;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Models;
import dev.bactrian.http.CallHeaders;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.limit.Gate;
import dev.bactrian.limit.Gates;
import dev.bactrian.limit.Keys;
import dev.bactrian.limit.Turns;
import dev.bactrian.model.ProviderName;
import dev.bactrian.observe.Observer;
import dev.bactrian.request.ChatMessage;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/**
 * A provider with OpenAI's chat completions, of a route that is made from the template {@value OpenAiProviders#TEMPLATE}: makes the call
 * and opens the stream of its answer.
 */
public class OpenAi implements Provider, CamelContextAware {

    private final String name;
    private CamelContext camelContext;
    private Settings settings;
    private Observer observer;
    private Gates gates;
    private Keys keys;
    private OtherProvider own;
    /** The URLs for Camel, by the endpoint of an account. */
    private final Map<String, String> urls = new ConcurrentHashMap<>();
    private final Map<Caller, Gate> modelGates = new ConcurrentHashMap<>();

    /** A model, an account, and the one of its keys that a request uses. */
    private record Caller(String model, String account, String token) {
    }

    /** Creates the provider of that name in the catalogue. */
    OpenAi(String name) {
        this.name = name;
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        this.settings = Settings.of(camelContext);
        this.observer = Observer.of(camelContext);
        this.gates = Gates.of(camelContext);
        this.keys = Keys.of(camelContext);
        Steps.of(camelContext, Provider.bean(name), OpenAi.class).step("request", OpenAi::request).step("open", OpenAi::open);
    }

    /**
     * Sets the body, URL and headers of the call, and removes all other headers.
     *
     * @throws GenerationFailure {@code authentication} if a required key is not set
     */
    @Override
    public void request(Exchange exchange) {
        Job job = Job.of(exchange);
        Access access = access(job.generation().account());
        Generation generation = keys.choose(job, this, access, one -> gate(job.generation(), one));
        Message message = exchange.getMessage();
        message.setBody(body(generation));
        CallHeaders.leaveFor(message, urls.computeIfAbsent(access.endpoint(), endpoint -> Url.of(endpoint).forCamel()), "text/event-stream", generation);
        message.setHeader(Exchange.CONTENT_TYPE, "application/json");
        message.setHeader("Accept-Encoding", "identity");
        message.setHeader(ProviderHttp.REQUEST, generation.id());
        message.setHeader(Turns.GATE, modelGates.computeIfAbsent(new Caller(generation.getModelId(), generation.account(), generation.token()),
                caller -> gate(generation, access.only(generation.token()))).name());
        message.setHeader(Turns.MOST_TOKENS, mostTokens(generation.request()));
    }

    /** Returns the maximum length of the answer in tokens that the request sets, or 0. */
    private static long mostTokens(GenerateRequest request) {
        JsonNode most = request.options().path("max_tokens");
        return Math.max(0, most.isNumber() ? most.asLong() : request.options().path("max_completion_tokens").asLong(0));
    }

    private Gate gate(Generation generation, Access access) {
        return gates.gate(title() + "'s " + generation.getModelId(), access, Gate.Rate.NONE);
    }

    @Override
    public String name() {
        return name;
    }

    /** Returns the name for the log. */
    String title() {
        return name;
    }

    /** {@inheritDoc} The probe is the list of models, which costs nothing. Accounts have no key or endpoint of their own. */
    @Override
    public Access access(String account) {
        OtherProvider configured = own();
        return new Access(List.of(configured.endpoint()), Property.PREFIX + name + ".api-key", configured.keys(), false, models(configured.endpoint()),
                configured.proxy());
    }

    private synchronized OtherProvider own() {
        if (own == null) {
            own = settings.provider(name, Objects.requireNonNull(Models.of(camelContext).catalogue().openAiProviders()
                    .get(ProviderName.valueOf(name)), name).orElse(null));
        }
        return own;
    }

    /** Returns the URL of the list of models, beside that of the chat completions. */
    static String models(String endpoint) {
        return endpoint.replaceFirst("/chat/completions(?=$|\\?)", "/models");
    }

    /** Returns the settings of an account, or those of the application if it is null. */
    final Settings settingsOf(String account) {
        return settings.account(account);
    }

    /**
     * Returns the body of a chat completion, UTF-8 JSON.
     *
     * @throws GenerationFailure {@code authentication} if a required key is not set
     */
    final byte[] body(Generation generation) {
        access(generation.account()).requireToken();
        GenerateRequest request = generation.request();
        ObjectNode body = JsonNodeFactory.instance.objectNode().put("model", model(generation));
        body.set("messages", request.prompt() != null ? prompt(request) : messages(generation));
        body.put("stream", true);
        if (asksForUsage()) {
            body.putObject("stream_options").put("include_usage", true);
        }
        body.setAll(request.options());
        return ProviderJson.bytes(body);
    }

    /** Returns the name of the model for the service: the {@code version} in the catalogue, or else the id. */
    String model(Generation generation) {
        return generation.model().version();
    }

    /** Whether the service is asked for the usage. */
    boolean asksForUsage() {
        return true;
    }

    /** Returns the messages of a request without a prompt; here as they are. */
    ArrayNode messages(Generation generation) {
        ArrayNode messages = JsonNodeFactory.instance.arrayNode();
        generation.request().messages().forEach(message -> messages.add(message.fields()));
        return messages;
    }

    /** Returns one message of the user that holds the prompt or the formatted conversation. */
    static ArrayNode prompt(GenerateRequest request) {
        return JsonNodeFactory.instance.arrayNode().add(ChatMessage.of("user", request.promptFor(false)).fields());
    }

    /** Opens the answer: its stream, an iterator over its chunks. */
    public void open(Exchange exchange) {
        Job job = Job.of(exchange);
        keys.accepted(job);
        String call = job.gate();
        ChatStream stream = open(job.generation(), job.cancellation(), job.isTextKept(), exchange.getMessage().getBody(InputStream.class))
                .closed(usage -> gates.ended(call, usage == null ? -1 : usage.path("prompt_tokens").asLong(-1),
                        usage == null ? 0 : usage.path("completion_tokens").asLong(0)));
        if (job.reader() != null) {
            stream.beside(job.reader());
        }
        job.answer(stream, stream);
    }

    final ChatStream open(Generation generation, Cancellation cancellation, boolean textKept, InputStream body) {
        return new ChatStream(generation.id(), body == null ? InputStream.nullInputStream() : body,
                settings.duration(Property.RESPONSE_TIMEOUT), settingsOf(generation.account())::redact, cancellation, textKept,
                () -> observer.firstChunk(generation)).masked(settingsOf(generation.account())::masked).from(name);
    }
}
