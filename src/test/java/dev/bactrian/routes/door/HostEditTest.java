package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.List;

import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.support.FreePort;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Images that are made of an image, in an application by camel-main, whose server takes the form apart. */
@Timeout(60)
class HostEditTest extends RouteTestSupport {

    private static final String PART = "--x\r\nContent-Disposition: form-data; name=\"";
    private static final String IMAGE = PART + "image\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\u0089PNG\r\n\u001a\n\r\n";
    private static final String END = "--x--\r\n";

    private final int port = FreePort.find();
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private HttpResponse<String> edit(String form) throws Exception {
        return http.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/v1/images/edits")).header("Content-Type", "multipart/form-data; boundary=x")
                .POST(BodyPublishers.ofByteArray(form.getBytes(StandardCharsets.ISO_8859_1))).build(), BodyHandlers.ofString());
    }

    @Test
    void takesOneImage() throws Exception {
        start(List.of("bactrian.http.enabled", "true", "camel.server.enabled", "true", "camel.server.host", "127.0.0.1", "camel.server.port", String.valueOf(port)));

        HttpResponse<String> edited = edit(IMAGE + PART + "prompt\"\r\n\r\na hat\r\n" + END);
        HttpResponse<String> two = edit(IMAGE + IMAGE + PART + "prompt\"\r\n\r\na hat\r\n" + END);
        HttpResponse<String> none = edit(PART + "prompt\"\r\n\r\na hat\r\n" + END);

        assertThat(edited.statusCode()).as(edited.body()).isEqualTo(200);
        assertThat(simulator.requests(Call.CREATE)).singleElement().satisfies(create -> {
            assertThat(create.json().at("/input/prompt").asText()).isEqualTo("a hat");
            assertThat(create.json().at("/input/image").asText()).startsWith("data:image/png;base64,");
        });
        assertThat(two.statusCode()).isEqualTo(400);
        assertThat(none.statusCode()).isEqualTo(400);
    }
}
