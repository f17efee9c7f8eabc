package dev.bactrian.routes.emit;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.succeeded;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
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

import javax.imageio.ImageIO;

/** With {@code bactrian.emit.format=content} images leave as their bytes, or their URL is kept and why it was no use. */
class EmitImagesTest extends RouteTestSupport {

    private static final byte[] GIF = Base64.getDecoder().decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7");

    @Override
    protected void configure(Main main) {
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:trigger").to("direct:generate").to("direct:bactrian-emit");
            }
        });
    }

    private void startWithContent(String... more) throws Exception {
        start(List.of("bactrian.emit.format", "content", "bactrian.images.hosts", "127.0.0.1", "bactrian.retry.max-attempts", "1",
                "bactrian.emit.result", "file:" + folder.resolve("out") + "?fileName=${header.BactrianContentName}"), more);
    }

    private void emit(int images) {
        template().sendBody("direct:trigger", "{\"id\": \"emit-image\", \"model\": \"sd-3\", \"prompt\": \"p\", \"num_outputs\": " + images + "}");
    }

    @Test
    void eachImageIsAFileOfItsOwn() throws Exception {
        startWithContent("bactrian.replicate.api-token", "r8_canary");

        emit(2);

        assertThat(folder.resolve("out").toFile().list()).containsExactlyInAnyOrder("emit-image-0.png", "emit-image-1.png");
        assertThat(ImageIO.read(folder.resolve("out/emit-image-0.png").toFile()).getWidth()).isPositive();
        assertThat(ImageIO.read(folder.resolve("out/emit-image-1.png").toFile()).getWidth()).isPositive();
        assertThat(simulator.requests(Call.FILE)).hasSize(2).extracting(request -> request.header("Authorization")).containsOnlyNulls();
    }

    @Test
    void theSuffixIsThatOfTheImagesType() throws Exception {
        startWithContent();
        simulator.on(Call.FILE, Reply.body(200, "IMAGE/JPEG; q=1", GIF), Reply.body(200, "image/webp", GIF), Reply.body(200, "image/x-new", GIF));

        emit(3);

        assertThat(folder.resolve("out").toFile().list())
                .containsExactlyInAnyOrder("emit-image-0.jpg", "emit-image-1.webp", "emit-image-2.bin");
    }

    @Test
    void anImageInADataUrlIsDecoded() throws Exception {
        startWithContent();
        simulator.on(Call.CREATE, created()).on(Call.POLL, succeeded("\"data:image/gif;base64," + Base64.getEncoder().encodeToString(GIF) + "\""));

        emit(1);

        byte[] bytes = Files.readAllBytes(folder.resolve("out/emit-image-0.gif"));
        assertThat(bytes).isEqualTo(GIF);
        assertThat(ImageIO.read(new ByteArrayInputStream(bytes)).getWidth()).isEqualTo(1);
    }

    @Test
    void anHttpDestinationGetsTheBytesAndTheirType() throws Exception {
        try (Simulator sink = Simulator.start()) {
            sink.always(Call.CHAT, Reply.status(204));
            startWithContent("bactrian.emit.result", sink.chatUrl());
            simulator.on(Call.FILE, Reply.body(200, "image/gif", GIF));

            emit(1);

            RecordedRequest post = sink.requests().get(0);
            assertThat(post.body()).isEqualTo(GIF);
            assertThat(post.header("Content-Type")).isEqualTo("image/gif");
            assertThat(post.header("BactrianContentName")).isEqualTo("emit-image-0.gif");
        }
    }

    @Test
    void anImageThatIsNotThereAtOnceIsAskedForAgain() throws Exception {
        startWithContent();
        simulator.on(Call.FILE, Reply.status(404));

        emit(1);

        assertThat(folder.resolve("out/emit-image-0.png")).exists();
        assertThat(undeliveredFile("emit-image.json")).doesNotExist();
    }

    /** An image that cannot be had, and what is said about it. */
    private enum Lost {
        NOT_FOUND(Reply.status(404), "404"),
        FORBIDDEN(Reply.status(403), "403"),
        SHORT(Reply.body(200, "image/png", new byte[1000]).cutAt(500), ""),
        CUT_CHUNKED(Reply.rawStream("x".repeat(1000)).header("Content-Type", "image/png").cutAt(500), ""),
        HTML(Reply.body(200, "text/html", "<html>gone</html>".getBytes()), "text/html"),
        NO_TYPE(Reply.body(200, null, new byte[10]), "not an image"),
        TOO_LARGE(Reply.body(200, "image/png", new byte[3000]), "bactrian.images.max-bytes"),
        TOO_LARGE_WHEN_UNPACKED(Reply.body(200, "image/png", new byte[100_000]).gzip(), "bactrian.images.max-bytes"),
        EMPTY(Reply.body(200, "image/png", new byte[0]), ""),
        SILENT(Reply.normally().after(Duration.ofSeconds(30)), "");

        private final Reply reply;
        private final String said;

        Lost(Reply reply, String said) {
            this.reply = reply;
            this.said = said;
        }
    }

    @TestFactory
    Stream<DynamicTest> anImageThatCannotBeHadKeepsItsUrl() throws Exception {
        startWithContent("bactrian.images.max-bytes", "2KB", "bactrian.response-timeout", "300ms");
        return Arrays.stream(Lost.values()).map(lost -> dynamicTest(lost.name(), () -> {
            Files.deleteIfExists(undeliveredFile("emit-image.json"));
            simulator.reset().always(Call.FILE, lost.reply);

            emit(1);

            assertKept(lost.said);
            assertThat(folder.resolve("out")).satisfiesAnyOf(out -> assertThat(out).doesNotExist(), out -> assertThat(out).isEmptyDirectory());
        }));
    }

    @Test
    void anImageBehindARedirectIsNotFetchedFromThere() throws Exception {
        try (Simulator other = Simulator.start()) {
            startWithContent();
            simulator.always(Call.FILE, Reply.status(302).header("Location", other.url() + "/files/x/out-0.png"));

            emit(1);

            assertKept("302");
            assertThat(other.requests()).isEmpty();
        }
    }

    /** A URL that is not fetched. */
    private enum Foreign {
        ANOTHER_HOST("http://localhost:PORT/files/x/out-0.png"),
        ANOTHER_HOST_THAT_ENDS_ALIKE("https://evil127.0.0.1/files/x/out-0.png"),
        WITH_A_USER("http://127.0.0.1@localhost:PORT/files/x/out-0.png"),
        WITH_A_USER_OF_OURS("http://user@127.0.0.1:PORT/files/x/out-0.png"),
        NO_URL("https://"),
        ODD("https://[x/");

        private final String url;

        Foreign(String url) {
            this.url = url;
        }
    }

    @TestFactory
    Stream<DynamicTest> anImageElsewhereIsNotFetched() throws Exception {
        startWithContent();
        return Arrays.stream(Foreign.values()).map(foreign -> dynamicTest(foreign.name(), () -> {
            Files.deleteIfExists(undeliveredFile("emit-image.json"));
            String url = foreign.url.replace("PORT", String.valueOf(simulator.port()));
            simulator.reset().on(Call.CREATE, created()).on(Call.POLL, succeeded("\"" + url + "\""));

            emit(1);

            JsonNode kept = ProviderJson.json(Files.readString(undeliveredFile("emit-image.json"))).orElseThrow();
            assertThat(kept.path("error").path("message").asText()).contains(url, "bactrian.images.hosts");
            assertThat(kept.path("undelivered").path("images").path(0).path("url").asText()).isEqualTo(url);
            assertThat(simulator.count(Call.FILE)).isZero();
        }));
    }

    private void assertKept(String said) throws IOException {
        JsonNode kept = ProviderJson.json(Files.readString(undeliveredFile("emit-image.json"))).orElseThrow();
        String url = kept.path("undelivered").path("images").path(0).path("url").asText();
        assertThat(url).startsWith(simulator.url() + "/files/");
        assertThat(kept.path("error").path("type").asText()).isEqualTo("delivery-failed");
        assertThat(kept.path("error").path("message").asText()).contains(url, said);
    }
}
