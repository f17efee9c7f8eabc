package dev.bactrian.door;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Steps;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Account;
import dev.bactrian.generate.Models;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.request.GenerateRequest;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;

/** The catalogue, in the form of OpenAI's list of models (OpenAI API reference, Models), with the kind and the provider of each. */
public final class ModelList implements CamelContextAware {

    private static final String PATH = "/v1/models/";

    private CamelContext camelContext;
    private Models models;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        models = Models.of(context);
        Steps.of(context, "bactrianModelList", ModelList.class).step("answer", ModelList::answer);
    }

    /**
     * Answers with all models that the caller may use, or with the one that the path names.
     *
     * @throws GenerationFailure {@code unsupported-model} if there is no such model
     */
    public void answer(Exchange exchange) {
        Account account = account(exchange);
        String path = exchange.getMessage().getHeader(Exchange.HTTP_PATH, "", String.class);
        int begin = path.indexOf(PATH);
        JsonNode body;
        if (begin >= 0 && path.length() > begin + PATH.length()) {
            body = one(decoded(path.substring(begin + PATH.length())), account);
        } else if (begin >= 0 || path.endsWith("/v1/models")) {
            body = all(account);
        } else {
            throw new Refusal(404, "not-found", "there is nothing at GET " + path);
        }
        Call.of(exchange).answer(exchange, 200, Answers.JSON, Answers.bytes(body));
    }

    private static String decoded(String name) {
        try {
            return URLDecoder.decode(name.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw new Refusal(400, "invalid-request", "the path is malformed");
        }
    }

    /** Returns the account of the caller, or null. */
    private static Account account(Exchange exchange) {
        return exchange.getVariable(Account.VARIABLE) instanceof String bean
                ? exchange.getContext().getRegistry().lookupByNameAndType(bean, Account.class) : null;
    }

    /**
     * Returns the model that answers a call, with the default or the pinned model of the caller's account.
     *
     * @throws GenerationFailure {@code unsupported-model} if there is no such model, or the caller may not use it
     */
    static Model resolve(Models models, Exchange exchange, String name, ProviderName provider, Kind kind) {
        Account account = account(exchange);
        GenerateRequest asked = new GenerateRequest(null, name, provider, kind, List.of(), "", JsonNodeFactory.instance.objectNode(), null, null);
        GenerateRequest completed = account == null ? asked : account.complete(asked);
        return models.resolve(completed.model(), completed.provider(), completed.kind(), account);
    }

    private JsonNode all(Account account) {
        ObjectNode list = JsonNodeFactory.instance.objectNode().put("object", "list");
        ArrayNode data = list.putArray("data");
        models.list(account).forEach(model -> data.add(entry(model)));
        return list;
    }

    private JsonNode one(String name, Account account) {
        Optional<Model> found = models.catalogue().model(name).filter(models.list(account)::contains);
        return entry(found.orElseThrow(() -> new GenerationFailure(ErrorType.UNSUPPORTED_MODEL, "model: the catalogue has none of that name")));
    }

    private static ObjectNode entry(Model model) {
        return JsonNodeFactory.instance.objectNode().put("id", model.id()).put("object", "model").put("created", 0)
                .put("owned_by", model.provider().toString()).put("provider", model.provider().toString())
                .put("kind", model.kind() == null ? null : model.kind().toString());
    }
}
