package dev.bactrian.routes.emit;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpServer;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** {@code bactrian.images}: files beside the result, or images in it, or the URL and why there is no more. */
class ImagesTest extends RouteTestSupport {

    private static final byte[] GIF = Base64.getDecoder().decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7");
    private static final byte[] WEBP = "RIFF\u0010\0\0\0WEBPVP8 \0\0".getBytes(StandardCharsets.ISO_8859_1);
    private static final byte[] PNG = "\u0089PNG\r\n\u001a\n\0\0".getBytes(StandardCharsets.ISO_8859_1);

    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:trigger").to("direct:generate").to("direct:bactrian-emit");
                from("direct:down").errorHandler(noErrorHandler()).throwException(new IllegalStateException("the destination is down"));
                from("direct:no-images").errorHandler(noErrorHandler()).filter(body().isInstanceOf(byte[].class))
                        .throwException(new IllegalStateException("no images, please")).end().to("bean:captured?method=result");
            }
        });
    }

    private Path out() {
        return folder.resolve("out");
    }

    private void startWith(String mode, String... more) throws Exception {
        start(List.of("bactrian.images", mode, "bactrian.images.hosts", "127.0.0.1", "bactrian.retry.max-attempts", "1",
                "bactrian.emit.result", "file:" + out() + "?fileName=${header.BactrianRequestId}.json"), more);
    }

    private static String request(int images) {
        return "{\"id\": \"pic\", \"model\": \"sd-3\", \"prompt\": \"p\", \"num_outputs\": " + images + "}";
    }

    private void emit(int images) {
        template().sendBody("direct:trigger", request(images));
    }

    private JsonNode document() throws IOException {
        return ProviderJson.json(Files.readString(out().resolve("pic.json"))).orElseThrow();
    }

    @Test
    void downloadedImagesLieBesideTheDocumentThatNamesThem() throws Exception {
        startWith("download", "bactrian.replicate.api-token", "r8_canary");
        simulator.on(Call.FILE, Reply.body(200, "image/gif", GIF), Reply.body(200, "image/webp", WEBP));

        emit(2);
        simulator.always(Call.FILE, Reply.status(404));

        assertThat(out().toFile().list()).containsExactlyInAnyOrder("pic.json", "pic-0.gif", "pic-1.webp");
        assertThat(out().resolve("pic-0.gif")).hasBinaryContent(GIF);
        assertThat(out().resolve("pic-1.webp")).hasBinaryContent(WEBP);
        JsonNode images = document().path("images");
        assertThat(images.path(0).path("url").asText()).startsWith(simulator.url() + "/files/");
        assertThat(images.path(0).path("file").asText()).isEqualTo("pic-0.gif");
        assertThat(images.path(1).path("file").asText()).isEqualTo("pic-1.webp");
        assertThat(images.path(1).path("contentType").asText()).isEqualTo("image/webp");
        assertThat(images.path(1).path("bytes").asInt()).isEqualTo(WEBP.length);
        assertThat(simulator.requests(Call.FILE)).hasSize(2).extracting(request -> request.header("Authorization")).containsOnlyNulls();
        assertThat(simulator.requests(Call.CREATE).get(0).header("Authorization")).isNotNull();
    }

    @Test
    void everyDestinationHasTheImagesBeforeTheDocument() throws Exception {
        try (Simulator sink = Simulator.start()) {
            sink.always(Call.CHAT, Reply.status(204));
            startWith("download", "bactrian.emit.result", "bean:captured?method=result | " + sink.chatUrl());
            simulator.on(Call.FILE, Reply.body(200, "image/gif", GIF), Reply.body(200, "image/webp", WEBP));

            emit(2);

            List<Emitted> all = List.copyOf(captured.results);
            captured.results.clear();
            assertThat(all).extracting(one -> one.headers().get("BactrianContentName")).containsExactly("pic-0.gif", "pic-1.webp", "pic.json");
            assertThat(all).extracting(one -> one.headers().get("Content-Type")).containsExactly("image/gif", "image/webp", null);
            assertThat((byte[]) all.get(1).body()).isEqualTo(WEBP);
            assertThat(all.get(1).headers().keySet()).containsExactlyInAnyOrder("BactrianRequestId", "BactrianProvider", "BactrianModel",
                    "BactrianKind", "BactrianStatus", "BactrianContentName", "Content-Type");
            assertThat(all.get(2).json().path("images").path(1).path("file").asText()).isEqualTo("pic-1.webp");
            List<RecordedRequest> posts = sink.requests();
            assertThat(posts).extracting(post -> post.header("BactrianContentName")).containsExactly("pic-0.gif", "pic-1.webp", "pic.json");
            assertThat(posts).extracting(post -> post.header("Content-Type")).containsExactly("image/gif", "image/webp", "application/json");
            assertThat(posts.get(0).body()).isEqualTo(GIF);
            assertThat(simulator.count(Call.FILE)).as("fetched once for both").isEqualTo(2);
        }
    }

    @Test
    void aRequestFromTheInboxHasItsImagesInTheOutbox() throws Exception {
        Path inbox = Files.createDirectory(folder.resolve("inbox"));
        startWith("download", "bactrian.file.enabled", "true");
        simulator.on(Call.FILE, Reply.body(200, "image/webp", WEBP));

        Files.writeString(inbox.resolve("pic.json"), request(1));

        await().until(() -> Files.exists(out().resolve("pic.json")));
        assertThat(out().resolve("pic-0.webp")).hasBinaryContent(WEBP);
        await().until(() -> Files.exists(inbox.resolve(".done/pic.json")));
    }

    @Test
    void anImageInADataUrlBecomesAFileAndLeavesTheDocument() throws Exception {
        startWith("download");
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"data:image/gif;base64," + Base64.getEncoder().encodeToString(GIF) + "\""));

        emit(1);

        assertThat(out().resolve("pic-0.gif")).hasBinaryContent(GIF);
        assertThat(document().path("images").path(0).has("url")).isFalse();
        assertThat(document().path("images").path(0).path("file").asText()).isEqualTo("pic-0.gif");
    }

    @Test
    void aCallerOfDirectGenerateHasTheUrlAlone() throws Exception {
        startWith("download");

        JsonNode image = generate(request(1)).path("images").path(0);

        assertThat(image.size()).isEqualTo(1);
        assertThat(image.path("url").asText()).startsWith(simulator.url());
        assertThat(simulator.count(Call.FILE)).isZero();
    }

    @Test
    void whatADestinationDidNotTakeIsKeptWithItsImages() throws Exception {
        startWith("download", "bactrian.emit.result", "direct:down | file:" + out() + "?fileName=${header.BactrianRequestId}.json");
        simulator.on(Call.FILE, Reply.body(200, "image/gif", GIF), Reply.body(200, "image/webp", WEBP));

        emit(2);

        assertThat(out().toFile().list()).containsExactlyInAnyOrder("pic.json", "pic-0.gif", "pic-1.webp");
        assertThat(undeliveredFile("pic-0.gif")).hasBinaryContent(GIF);
        assertThat(undeliveredFile("pic-1.webp")).hasBinaryContent(WEBP);
        JsonNode kept = ProviderJson.json(Files.readString(undeliveredFile("pic.json"))).orElseThrow();
        assertThat(kept.path("error").path("message").asText()).contains("direct:down", "the destination is down");
        assertThat(kept.path("undelivered").path("images").path(1).path("file").asText()).isEqualTo("pic-1.webp");
    }

    @Test
    void aDocumentDoesNotGoWhereItsImagesCouldNot() throws Exception {
        startWith("download", "bactrian.emit.result", "direct:no-images");
        simulator.on(Call.FILE, Reply.body(200, "image/gif", GIF));

        emit(1);

        assertThat(captured.results).isEmpty();
        assertThat(undeliveredFile("pic-0.gif")).hasBinaryContent(GIF);
        assertThat(undeliveredFile("pic.json")).exists();
    }

    @Test
    void contentThatADestinationDidNotTakeIsKept() throws Exception {
        startWith("url", "bactrian.emit.format", "content", "bactrian.emit.result", "direct:down");
        simulator.on(Call.FILE, Reply.body(200, "image/gif", GIF));

        emit(1);

        assertThat(undeliveredFile("pic-0.gif")).hasBinaryContent(GIF);
        assertThat(undeliveredFile("pic.json")).exists();
        assertThat(simulator.count(Call.FILE)).as("what is here is not fetched again").isEqualTo(1);
    }

    @Test
    void inlineImagesAreInTheDocumentEverywhere() throws Exception {
        startWith("inline");
        simulator.on(Call.FILE, Reply.body(200, "image/gif", GIF), Reply.body(200, "image/gif; x=y", GIF));
        String url = "data:image/gif;base64," + Base64.getEncoder().encodeToString(GIF);

        JsonNode image = generate(request(1)).path("images").path(0);
        assertThat(image).isEqualTo(ProviderJson.json("{\"url\": \"" + url + "\"}").orElseThrow());

        emit(1);
        assertThat(document().path("images").path(0)).isEqualTo(image);
        assertThat(document().path("prompt").asText()).isEqualTo("p");
        assertThat(out().toFile().list()).containsExactly("pic.json");
        assertThat(simulator.count(Call.FILE)).as("each fetched once").isEqualTo(2);
    }

    @Test
    void aTextIsWhatItWas() throws Exception {
        startWith("inline", "bactrian.emit.result", "bean:captured?method=result");

        template().sendBody("direct:trigger", "hi");

        takeChunks();
        assertThat(captured.results.remove().headers()).doesNotContainKey("BactrianContentName");
    }

    /** An image that cannot be had, what is said about it, and how often it is asked for. */
    private enum Lost {
        NOT_FOUND(Reply.status(404), "answered 404", 2),
        FORBIDDEN(Reply.status(403), "answered 403", 1),
        SHORT(Reply.body(200, "image/png", Arrays.copyOf(PNG, 1000)).cutAt(500), "Premature end", 2),
        CUT_CHUNKED(Reply.rawStream("x".repeat(1000)).header("Content-Type", "image/png").cutAt(500), "", 2),
        HTML(Reply.body(200, "text/html", "<html>gone</html>".getBytes()), "is not an image but 'text/html'", 1),
        HTML_SAID_TO_BE_AN_IMAGE(Reply.body(200, "image/png", "<html>gone</html>".getBytes()), "is said to be 'image/png' and is not", 1),
        NO_TYPE(Reply.body(200, null, new byte[10]), "is not an image", 1),
        TOO_LARGE(Reply.body(200, "image/png", new byte[3000]), "larger than bactrian.images.max-bytes", 1),
        TOO_LARGE_WITHOUT_A_LENGTH(Reply.rawStream(new byte[3000]).header("Content-Type", "image/png"), "larger than bactrian.images.max-bytes", 1),
        TOO_LARGE_WITHOUT_AN_END(Reply.body(200, "image/png", new byte[3000]).header("Content-Length", "9000000000"), "larger than", 1),
        TOO_LARGE_WHEN_UNPACKED(Reply.body(200, "image/png", new byte[100_000]).gzip(), "larger than bactrian.images.max-bytes", 1),
        EMPTY(Reply.body(200, "image/png", new byte[0]), "is empty", 2),
        SILENT(Reply.normally().after(Duration.ofSeconds(30)), "timed out", 2),
        STALLED(Reply.body(200, "image/png", PNG).cutAt(4).thenHang(), "timed out", 2),
        REDIRECTS_FOR_EVER(Reply.status(302).header("Location", "/files/x/out-0.png"), "redirects more than 3 times", 4),
        REDIRECTS_TO_A_PLACE_THAT_IS_NONE(Reply.status(302).header("Location", "http://[x"), "302", 1),
        REDIRECTS_TO_A_FILE(Reply.status(302).header("Location", "file:///etc/passwd"), "302, a redirect to another host", 1),
        REDIRECTS_TO_ANOTHER_NAME(Reply.status(307).header("Location", "http://localhost/out.png"), "307, a redirect to another host", 1),
        REDIRECTS_TO_AN_ADDRESS_WITHIN(Reply.status(301).header("Location", "//169.254.169.254/latest/"), "301, a redirect to another host", 1),
        REDIRECTS_NOWHERE(Reply.status(302), "answered 302", 1);

        private final Reply reply;
        private final String said;
        private final int asked;

        Lost(Reply reply, String said, int asked) {
            this.reply = reply;
            this.said = said;
            this.asked = asked;
        }
    }

    @TestFactory
    Stream<DynamicTest> anImageThatCannotBeHadKeepsItsUrlAndTheReason() throws Exception {
        startWith("download", "bactrian.images.max-bytes", "2KB", "bactrian.response-timeout", "600ms", "bactrian.stall-timeout", "600ms");
        return Arrays.stream(Lost.values()).map(lost -> dynamicTest(lost.name(), () -> {
            simulator.reset().always(Call.FILE, lost.reply);

            emit(1);

            assertThat(document().path("status").asText()).isEqualTo("succeeded");
            assertThat(document().path("images")).hasSize(1);
            JsonNode image = document().path("images").path(0);
            assertThat(image.path("url").asText()).startsWith(simulator.url() + "/files/");
            assertThat(image.path("error").asText()).contains(lost.said).isNotBlank();
            assertThat(image.has("file")).isFalse();
            assertThat(out().toFile().list()).containsExactly("pic.json");
            assertThat(simulator.count(Call.FILE)).isEqualTo(lost.asked);
        }));
    }

    @Test
    void oneOfTwoThatIsLostLeavesTheOther() throws Exception {
        startWith("inline");
        simulator.on(Call.FILE, Reply.status(403), Reply.body(200, "image/gif", GIF));

        JsonNode images = generate(request(2)).path("images");

        assertThat(images.path(0).path("url").asText()).startsWith("http");
        assertThat(images.path(0).path("error").asText()).isEqualTo("answered 403");
        assertThat(images.path(1).path("url").asText()).startsWith("data:image/gif;base64,");
        assertThat(images.path(1).has("error")).isFalse();
    }

    @Test
    void anImageThatIsNotThereAtOnceIsAskedForAgain() throws Exception {
        startWith("inline");
        simulator.on(Call.FILE, Reply.status(404));

        assertThat(generate(request(1)).path("images").path(0).path("url").asText()).startsWith("data:image/png");
    }

    @Test
    void aRedirectOnTheSameHostIsFollowed() throws Exception {
        startWith("inline");
        simulator.on(Call.FILE, Reply.status(302).header("Location", "/files/elsewhere/out-1.png"), Reply.body(200, "image/gif", GIF));

        assertThat(generate(request(1)).path("images").path(0).path("url").asText()).startsWith("data:image/gif");
        assertThat(simulator.requests(Call.FILE).get(1).path()).isEqualTo("/files/elsewhere/out-1.png");
    }

    @Test
    void aServerThatDripsIsLeftInTheEnd() throws Exception {
        HttpServer drip = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        CountDownLatch left = new CountDownLatch(1);
        drip.createContext("/", exchange -> {
            exchange.getResponseHeaders().set("Content-Type", "image/png");
            exchange.sendResponseHeaders(200, 1_000_000);
            try (OutputStream body = exchange.getResponseBody()) {
                while (left.getCount() > 0) {
                    body.write(1);
                    body.flush();
                    left.await(20, TimeUnit.MILLISECONDS);
                }
            } catch (IOException e) {
                left.countDown();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        drip.start();
        try {
            startWith("inline", "bactrian.images.timeout", "500ms");
            simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"http://127.0.0.1:" + drip.getAddress().getPort() + "/a.png\""));

            assertThat(generate(request(1)).path("images").path(0).path("error").asText()).isEqualTo("took longer than bactrian.images.timeout");

            assertThat(left.await(10, TimeUnit.SECONDS)).as("the connection is cut").isTrue();
        } finally {
            drip.stop(0);
        }
    }

    @Test
    void aNameThatLeadsHomeIsNotConnectedTo() throws Exception {
        try (ServerSocket home = new ServerSocket(0, 10, InetAddress.getByName("localhost"))) {
            startWith("inline", "bactrian.images.hosts", "localhost");
            String url = "https://localhost:" + home.getLocalPort() + "/a.png";
            simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"" + url + "\""));

            JsonNode image = generate(request(1)).path("images").path(0);

            assertThat(image.path("url").asText()).isEqualTo(url);
            assertThat(image.path("error").asText()).isEqualTo("localhost has an address that is not public");
            home.setSoTimeout(1);
            assertThatThrownBy(home::accept).isInstanceOf(SocketTimeoutException.class);
        }
    }

    /** A URL that is not fetched where 127.0.0.1 is not listed. */
    @TestFactory
    Stream<DynamicTest> anImageElsewhereIsNotFetched() throws Exception {
        startWith("inline", "bactrian.images.hosts", "replicate.delivery");
        return Stream.of("http://127.0.0.1:PORT/a.png", "https://127.0.0.1:PORT/a.png", "http://replicate.delivery/a.png",
                "https://evilreplicate.delivery/a.png", "https://replicate.delivery.evil.com/a.png", "https://me@replicate.delivery/a.png",
                "https://[::1]:PORT/a.png").map(form -> dynamicTest(form, () -> {
                    String url = form.replace("PORT", String.valueOf(simulator.port()));
                    simulator.reset().on(Call.CREATE, created()).on(Call.POLL, succeeded("\"" + url + "\""));

                    JsonNode image = generate(request(1)).path("images").path(0);

                    assertThat(image.path("url").asText()).isEqualTo(url);
                    assertThat(image.path("error").asText()).isEqualTo("is not an https URL on one of bactrian.images.hosts");
                    assertThat(simulator.count(Call.FILE)).isZero();
                }));
    }

    @Test
    void aUrlThatTheClientDoesNotTakeIsNotTheEndOfTheResult() throws Exception {
        startWith("inline");
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("[\"https://127.0.0.1:99999/a.png\", \"" + simulator.url() + "/files/b/out-0.png\"]"))
                .on(Call.FILE, Reply.body(200, "image/gif", GIF));

        JsonNode images = generate(request(2)).path("images");

        assertThat(images.path(0).path("url").asText()).isEqualTo("https://127.0.0.1:99999/a.png");
        assertThat(images.path(0).path("error").asText()).contains("99999");
        assertThat(images.path(1).path("url").asText()).startsWith("data:image/gif;base64,");
    }

    @Test
    void aSlowImageHostHoldsNoPoll() throws Exception {
        startWith("inline", "bactrian.images.timeout", "4s", "bactrian.retry.max-attempts", "0");
        simulator.always(Call.FILE, Reply.normally().after(Duration.ofSeconds(30)));
        List<CompletableFuture<String>> slow = new ArrayList<>();
        IntStream.range(0, 45).forEach(i -> slow.add(template().asyncRequestBody("direct:generate",
                "{\"model\": \"sd-3\", \"prompt\": \"p" + i + "\"}", String.class)));
        await().until(() -> simulator.count(Call.FILE) > 30 && simulator.count(Call.POLL) >= 45);

        assertThat(generate("{\"model\": \"gemma-2b\", \"prompt\": \"quick\"}").path("status").asText()).isEqualTo("succeeded");

        assertThat(slow).noneMatch(CompletableFuture::isDone);
        takeChunks();
        for (CompletableFuture<String> one : slow) {
            assertThat(ProviderJson.json(one.get()).orElseThrow().path("images").path(0).has("error")).isTrue();
        }
    }
}
