package dev.bactrian.routes.door;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.door.DoorServer;
import dev.bactrian.door.DoorTimes;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.main.BaseMainSupport;
import org.apache.camel.main.Main;
import org.apache.camel.main.MainListenerSupport;
import org.junit.jupiter.api.AfterEach;

/** The door on a port of its own, and a client that calls it. */
abstract class DoorTestSupport extends RouteTestSupport {

    protected final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    protected final DoorServer door = new DoorServer();

    @Override
    protected void configure(Main main) throws Exception {
        main.addMainListener(new MainListenerSupport() {
            @Override
            public void beforeInitialize(BaseMainSupport starting) {
                try {
                    starting.getCamelContext().addService(door, true, true);
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
        });
    }

    /** Starts the routes with the door open. */
    protected void open(String... properties) throws Exception {
        start(List.of("bactrian.http.enabled", "true", "bactrian.http.port", "0", "bactrian.emit.chunk", ""), properties);
    }

    @AfterEach
    void noCallIsInWork() {
        if (isStarted()) {
            await("calls in work").until(() -> DoorTimes.inWork(context()) == 0 && context().getInflightRepository().size() == 0);
        }
    }

    protected URI url(String path) {
        return URI.create("http://127.0.0.1:" + door.port() + path);
    }

    protected HttpRequest.Builder request(String path, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(url(path));
        return headers.length == 0 ? request : request.headers(headers);
    }

    protected HttpResponse<String> get(String path, String... headers) throws IOException, InterruptedException {
        return http.send(request(path, headers).build(), BodyHandlers.ofString());
    }

    protected HttpResponse<String> post(String path, String body, String... headers) throws IOException, InterruptedException {
        return http.send(request(path, headers).header("Content-Type", "application/json").POST(BodyPublishers.ofString(body)).build(),
                BodyHandlers.ofString());
    }

    protected static JsonNode json(HttpResponse<String> response) {
        return ProviderJson.json(response.body()).orElseThrow();
    }

    /** The objects of a stream of events, without the end mark. */
    protected static List<JsonNode> events(Stream<String> lines) {
        return lines.filter(line -> line.startsWith("data: {")).map(line -> ProviderJson.json(line.substring(6)).orElseThrow()).toList();
    }
}
