package dev.bactrian.routes.provider;

import java.util.List;
import java.util.Optional;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Url;
import dev.bactrian.core.Job;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.core.Steps;
import dev.bactrian.generate.Generation;
import dev.bactrian.http.CallHeaders;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.limit.Gate;
import dev.bactrian.limit.Gates;
import dev.bactrian.limit.Turns;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** A provider that answers a POST of {@code {"model", "prompt"}} with {@code {"text"}}: all the Java that one needs. */
public final class Acme implements Provider, CamelContextAware {

    private CamelContext camelContext;
    private Settings settings;
    private String endpoint;
    private String key;

    public void setEndpoint(String url) {
        endpoint = url;
    }

    public void setKey(String secret) {
        key = secret;
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        settings = Settings.of(context);
        Steps.of(context, Provider.bean("acme"), Acme.class).step("request", Acme::request).step("open", Acme::open);
    }

    @Override
    public String name() {
        return "acme";
    }

    @Override
    public Access access(String account) {
        settings.mask(key);
        return new Access(List.of(endpoint), "acme.key", key, true, endpoint, Optional.empty());
    }

    @Override
    public void request(Exchange exchange) {
        Generation generation = Job.generation(exchange);
        Access access = access(generation.account());
        access.requireToken();
        Message message = exchange.getMessage();
        message.setBody(ProviderJson.bytes(JsonNodeFactory.instance.objectNode()
                .put("model", generation.model().id()).put("prompt", generation.request().promptFor(false)).setAll(generation.request().options())));
        CallHeaders.leave(message, Url.of(access.endpoint()).forCamel(), "application/json", generation.account());
        message.setHeader(Exchange.CONTENT_TYPE, "application/json");
        message.setHeader(ProviderHttp.REQUEST, generation.id());
        message.setHeader(Turns.GATE, Gates.of(camelContext).gate("Acme's calls", access, Gate.Rate.NONE).name());
    }

    /** Reads the answer. */
    public void open(Exchange exchange) {
        Job job = Job.of(exchange);
        String body = settings.masked(exchange.getMessage().getBody(String.class));
        WholeText answer = new WholeText(ProviderJson.json(body).map(json -> json.path("text")).filter(JsonNode::isTextual).map(JsonNode::textValue)
                .orElseThrow(() -> HttpFailures.inPlaceOfAnAnswer(body, name())));
        job.answer(answer, answer);
    }
}
