package dev.bactrian.door;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.Version;
import dev.bactrian.text.ProviderJson;
import io.swagger.v3.oas.models.OpenAPI;
import org.apache.camel.CamelContext;
import org.apache.camel.Route;
import org.apache.camel.component.platform.http.PlatformHttpEndpoint;
import org.apache.camel.model.rest.RestDefinition;
import org.apache.camel.model.rest.RestParamType;
import org.apache.camel.openapi.BeanConfig;
import org.apache.camel.openapi.RestOpenApiReader;
import org.apache.camel.openapi.RestOpenApiSupport;

/**
 * Makes an OpenAPI document of Bactrian's routes from {@code platform-http} with camel-openapi-java, without those of the console's page,
 * and adds what no route says, such as the forms of bodies. Not loaded before it is needed.
 */
final class OpenApiDocument {

    /**
     * A method of a path.
     *
     * @param path        with {@code {id}} for what follows a path that is a prefix
     * @param method      in lower case, such as {@code get}
     * @param id          the id of its route
     * @param description the description of its route
     */
    private record Operation(String path, String method, String id, String description) {

        boolean isOfOne() {
            return path.endsWith(ID);
        }
    }

    private static final String MORE = "/bactrian/openapi.json";
    private static final Pattern ROUTES = Pattern.compile("bactrian-http-(?!console).*");
    private static final String PREFLIGHT = "OPTIONS";
    private static final String ID = "{id}";

    private OpenApiDocument() {
    }

    /**
     * Returns the document.
     *
     * @param keyed whether callers need a key
     */
    static JsonNode of(CamelContext context, boolean keyed) throws Exception {
        List<Operation> operations = context.getRoutes().stream()
                .filter(route -> ROUTES.matcher(route.getId()).matches() && route.getEndpoint() instanceof PlatformHttpEndpoint)
                .flatMap(OpenApiDocument::operations).toList();
        RestDefinition rest = new RestDefinition();
        operations.forEach(operation -> add(rest, operation));
        BeanConfig config = new BeanConfig();
        config.setVersion("3.0.3");
        OpenAPI read = new RestOpenApiReader().read(context, List.of(rest), config, context.getName(), context.getClassResolver());
        ObjectNode document = (ObjectNode) ProviderJson.json(RestOpenApiSupport.getJsonFromOpenAPIAsString(read, config)).orElseThrow();
        merge(document, more(operations));
        ((ObjectNode) document.path("info")).put("version", Version.current());
        document.path("paths").forEach(path -> path.forEach(
                operation -> ((ObjectNode) operation.path("responses")).putObject("default").put("$ref", "#/components/responses/Error")));
        if (!keyed) {
            document.remove("security");
        }
        return document;
    }

    private static Stream<Operation> operations(Route route) {
        PlatformHttpEndpoint endpoint = (PlatformHttpEndpoint) route.getEndpoint();
        String path = endpoint.getPath();
        List<String> paths = !endpoint.isMatchOnUriPrefix() ? List.of(path) : path.endsWith("/") ? List.of(path + ID) : List.of(path, path + "/" + ID);
        return paths.stream().flatMap(one -> Arrays.stream(endpoint.getHttpMethodRestrict().split(",")).filter(method -> !method.equals(PREFLIGHT))
                .map(method -> new Operation(one, method.toLowerCase(Locale.ROOT), route.getId(), route.getDescription())));
    }

    private static void add(RestDefinition rest, Operation operation) {
        // A route may have several methods and paths.
        rest.verb(operation.method(), operation.path()).id(operation.id() + "-" + operation.method() + (operation.isOfOne() ? "-one" : ""))
                .description(operation.description()).to("direct:" + operation.id());
        if (operation.isOfOne()) {
            rest.param().name("id").type(RestParamType.path).dataType("string").required(true).endParam();
        }
    }

    /** Returns what is added, without paths that there are not. */
    private static ObjectNode more(List<Operation> operations) throws IOException {
        try (InputStream in = OpenApiDocument.class.getResourceAsStream(MORE)) {
            ObjectNode more = (ObjectNode) ProviderJson.json(new String(in.readAllBytes(), StandardCharsets.UTF_8)).orElseThrow();
            ((ObjectNode) more.path("paths")).retain(operations.stream().map(Operation::path).toList());
            return more;
        }
    }

    private static void merge(ObjectNode into, ObjectNode more) {
        more.properties().forEach(field -> {
            if (field.getValue() instanceof ObjectNode inner && into.path(field.getKey()) instanceof ObjectNode there) {
                merge(there, inner);
            } else {
                into.set(field.getKey(), field.getValue());
            }
        });
    }
}
