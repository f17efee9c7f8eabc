package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import com.fasterxml.jackson.databind.JsonNode;
import io.swagger.v3.parser.OpenAPIV3Parser;
import io.swagger.v3.parser.core.models.SwaggerParseResult;
import org.apache.camel.Route;
import org.apache.camel.component.platform.http.PlatformHttpEndpoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The description of the door by OpenAPI. */
@Timeout(60)
class OpenApiDoorTest extends DoorTestSupport {

    private static final String DOCUMENT = "/openapi.json";

    @Test
    void isValid() throws Exception {
        open();

        HttpResponse<String> response = get(DOCUMENT);
        SwaggerParseResult parsed = new OpenAPIV3Parser().readContents(response.body());

        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(parsed.getMessages()).isEmpty();
        assertThat(parsed.getOpenAPI().getOpenapi()).startsWith("3.");
        assertThat(parsed.getOpenAPI().getInfo().getTitle()).isEqualTo("Bactrian");
        List<String> dangling = new ArrayList<>();
        json(response).findValuesAsText("$ref").stream().filter(ref -> json(response).at(ref.substring(1)).isMissingNode()).forEach(dangling::add);
        assertThat(dangling).isEmpty();
    }

    @Test
    void hasEachRouteWithItsMethodsAndADescription() throws Exception {
        open("bactrian.http.console", "full");
        JsonNode document = json(get(DOCUMENT));

        List<Route> routes = context().getRoutes().stream().filter(route -> route.getEndpoint() instanceof PlatformHttpEndpoint)
                .filter(route -> !route.getId().startsWith("bactrian-http-console")).toList();
        assertThat(routes).isNotEmpty().allSatisfy(route -> {
            PlatformHttpEndpoint endpoint = (PlatformHttpEndpoint) route.getEndpoint();
            String path = endpoint.getPath() + (endpoint.getPath().endsWith("/") ? "{id}" : "");
            for (String method : endpoint.getHttpMethodRestrict().replace(",OPTIONS", "").split(",")) {
                JsonNode operation = document.path("paths").path(path).path(method.toLowerCase(Locale.ROOT));
                assertThat(operation.path("summary").asText()).as("%s %s", method, path).isEqualTo(route.getDescription());
                assertThat(operation.at("/responses/200/content").isEmpty()).as("%s %s", method, path).isFalse();
                assertThat(operation.at("/responses/default/$ref").asText()).isEqualTo("#/components/responses/Error");
            }
        });
        assertThat(document.at("/paths").has("/events")).isTrue();
        assertThat(document.at("/paths").findValuesAsText("operationId")).doesNotHaveDuplicates();
    }

    @Test
    void namesOnlyPathsThatAreServed() throws Exception {
        open();
        String id = json(post("/requests", "{\"prompt\":\"hi\"}")).path("id").asText();
        List<String> statuses = new ArrayList<>();

        json(get(DOCUMENT)).path("paths").properties().forEach(path -> path.getValue().fieldNames().forEachRemaining(method -> {
            String url = path.getKey().replace("/models/{id}", "/models/solar-pro4").replace("{id}", id);
            try {
                int status = http.send(request(url).method(method.toUpperCase(Locale.ROOT), BodyPublishers.noBody()).build(), BodyHandlers.ofString()).statusCode();
                statuses.add(method + " " + path.getKey() + " " + status);
            } catch (Exception e) {
                statuses.add(method + " " + path.getKey() + " " + e);
            }
        }));

        assertThat(statuses).contains("get /v1/models/{id} 200", "delete /requests/{id} 200", "get /costs 200", "post /v1/images/edits 400")
                .noneMatch(status -> status.endsWith(" 404") || status.endsWith(" 405"));
    }

    @Test
    void needsNoKeyAndSaysThatOthersDo() throws Exception {
        open("bactrian.http.api-keys", "a=ka");

        assertThat(get(DOCUMENT).statusCode()).isEqualTo(200);
        assertThat(json(get(DOCUMENT)).at("/security/0").has("bearer")).isTrue();
        assertThat(json(get(DOCUMENT)).at("/paths/~1openapi.json/get/security")).isEmpty();
        assertThat(get("/v1/models").statusCode()).isEqualTo(401);
        assertThat(get(DOCUMENT, "Origin", "https://example.org").statusCode()).isEqualTo(403);
    }

    @Test
    void saysThatNoKeyIsNeededWithoutKeys() throws Exception {
        open();

        assertThat(json(get(DOCUMENT)).has("security")).isFalse();
        assertThat(get(DOCUMENT, "Origin", "https://example.org").statusCode()).isEqualTo(403);
    }
}
