package dev.bactrian.upstage;

import java.io.InputStream;
import java.util.List;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.PromptStyle;
import dev.bactrian.config.Url;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.http.CallHeaders;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.limit.Gate;
import dev.bactrian.limit.Gates;
import dev.bactrian.limit.Turns;
import dev.bactrian.observe.Observer;
import dev.bactrian.request.ChatMessage;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** The provider of {@code routes/upstage.camel.yaml}: makes the chat call and opens the stream of its answer. */
public final class Upstage implements Provider, CamelContextAware {

    /** The name of the provider. */
    static final String NAME = "upstage";

    private static final String OFFICIAL_HOST = "api.upstage.ai";

    private CamelContext camelContext;
    private Settings settings;
    private Observer observer;
    private Gates gates;

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
    }

    @Override
    public void request(Exchange exchange) {
        Generation generation = Job.generation(exchange);
        Access access = access(generation.account());
        Message message = exchange.getMessage();
        message.setBody(body(generation));
        CallHeaders.leave(message, Url.of(access.endpoint()).forCamel(), "text/event-stream", generation.account());
        message.setHeader(Exchange.CONTENT_TYPE, "application/json");
        message.setHeader("Accept-Encoding", "identity");
        message.setHeader(ProviderHttp.REQUEST, generation.id());
        message.setHeader(Turns.GATE, gates.gate("Upstage's " + generation.getModelId(), access, Gate.Rate.NONE).name());
    }

    @Override
    public String name() {
        return NAME;
    }

    /** {@inheritDoc} The probe is the list of models, which costs nothing. */
    @Override
    public Access access(String account) {
        Settings own = settings.account(account);
        String endpoint = own.require(Property.UPSTAGE_API_ENDPOINT);
        return new Access(List.of(endpoint), Property.UPSTAGE_API_KEY.key(), own.text(Property.UPSTAGE_API_KEY).map(String::trim).orElse(null),
                Url.of(endpoint).host().equals(OFFICIAL_HOST), endpoint.replaceFirst("/chat/completions(?=$|\\?)", "/models"),
                own.proxy(Property.UPSTAGE_PROXY));
    }

    private Settings settings(Generation generation) {
        return settings.account(generation.account());
    }

    /**
     * Returns the body of a chat completion, UTF-8 JSON.
     *
     * @throws GenerationFailure {@code authentication} if no key is set for the official endpoint
     */
    byte[] body(Generation generation) {
        access(generation.account()).requireToken();
        GenerateRequest request = generation.request();
        ObjectNode body = JsonNodeFactory.instance.objectNode().put("model", generation.model().id());
        body.set("messages", messages(request, settings(generation).promptStyle()));
        body.put("stream", true);
        if (!settings.playground()) {
            body.putObject("stream_options").put("include_usage", true);
        }
        body.setAll(request.options());
        return ProviderJson.bytes(body);
    }

    private static ArrayNode messages(GenerateRequest request, PromptStyle style) {
        ArrayNode messages = JsonNodeFactory.instance.arrayNode();
        if (request.prompt() != null || style == PromptStyle.FLATTENED) {
            messages.add(ChatMessage.of("user", request.promptFor(false)).fields());
            return messages;
        }
        for (ChatMessage message : request.messages()) {
            ObjectNode fields = message.fields().deepCopy();
            // Upstage answers 400 to the role `developer` and accepts only text as content.
            fields.put("role", message.role().equals("developer") ? "system" : message.role());
            if (!fields.path("content").isNull()) {
                fields.put("content", message.text());
            }
            messages.add(fields);
        }
        return messages;
    }

    /** Opens the answer: its stream, an iterator over its chunks. */
    public void open(Exchange exchange) {
        Job job = Job.of(exchange);
        ChatStream stream = open(job.generation(), job.cancellation(), job.isTextKept(), exchange.getMessage().getBody(InputStream.class));
        job.answer(stream, stream);
    }

    ChatStream open(Generation generation, Cancellation cancellation, boolean textKept, InputStream body) {
        return new ChatStream(generation.id(), body == null ? InputStream.nullInputStream() : body,
                settings.duration(Property.RESPONSE_TIMEOUT), settings(generation)::redact, cancellation, textKept,
                () -> observer.firstChunk(generation)).masked(settings(generation)::masked);
    }
}
