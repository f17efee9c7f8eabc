package dev.bactrian.emit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.ImagesMode;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The folder for what could not be delivered. */
class UndeliveredTest {

    @TempDir
    Path folder;

    private static UndeliveredFolder in(DefaultCamelContext context, Path kept) {
        context.getRegistry().bind("bactrianSettings", Settings.of(Map.of("bactrian.undelivered", kept.toString())));
        UndeliveredFolder undelivered = new UndeliveredFolder();
        undelivered.setCamelContext(context);
        return undelivered;
    }

    private static OutgoingDocument failed(String id, String text) {
        String document = "{\"id\": \"" + id + "\", \"text\": \"" + text + "\"}";
        OutgoingDocument outgoing = new OutgoingDocument(id, document);
        outgoing.begin();
        outgoing.open(document, ResultImages.none(), List.of(Delivery.document("direct:archive", document)));
        outgoing.close(delivery -> "not delivered");
        return outgoing;
    }

    @Test
    void mayBeALinkToAFolder() throws Exception {
        Path volume = Files.createDirectory(folder.resolve("volume"));
        Path link = Files.createSymbolicLink(folder.resolve("kept"), volume);
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            in(context, link).keep(failed("a", "hi"));
        }

        assertThat(volume.toFile().list()).containsExactly("a.json");
    }

    /** Its document comes last, and may find no room round after round. */
    @Test
    void keepsAnImageOnceThoughItsDocumentCanNotBeWritten() throws Exception {
        String document = "{\"id\": \"cat\", \"images\": [{\"url\": \"https://example.org/out.png\"}]}";
        ResultImages images = ResultImages.of(document, ImagesMode.DOWNLOAD);
        images.all().get(0).found(new ImageContent(new byte[] {1, 2, 3}, "image/png"));
        OutgoingDocument outgoing = new OutgoingDocument("cat", document);
        outgoing.begin();
        outgoing.open(document, images, List.of(Delivery.document("direct:archive", document)));
        outgoing.close(delivery -> "not delivered");
        Path inTheWay = Files.createDirectories(folder.resolve("cat.json").resolve("x"));
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            UndeliveredFolder undelivered = in(context, folder);
            for (int round = 0; round < 3; round++) {
                assertThatThrownBy(() -> undelivered.keep(outgoing)).isInstanceOf(IOException.class);
            }
            Files.delete(inTheWay);
            Files.delete(inTheWay.getParent());
            undelivered.keep(outgoing);
        }

        assertThat(folder.toFile().list()).containsExactlyInAnyOrder("cat-0.png", "cat.json");
    }

    /** A request that is refused because another of its id is in work has that id, too. */
    @Test
    void keepsAllOfOneIdThoughTheyComeAtOnce() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            UndeliveredFolder undelivered = in(context, folder);
            List<CompletableFuture<Void>> all = new ArrayList<>();
            for (int i = 0; i < 40; i++) {
                OutgoingDocument outgoing = failed("same", "text " + i + " of many");
                all.add(CompletableFuture.runAsync(() -> {
                    try {
                        undelivered.keep(outgoing);
                    } catch (Exception e) {
                        throw new IllegalStateException(e);
                    }
                }, threads));
            }
            all.forEach(CompletableFuture::join);
        } finally {
            threads.shutdownNow();
        }

        StringBuilder kept = new StringBuilder();
        for (String name : folder.toFile().list()) {
            kept.append(Files.readString(folder.resolve(name)));
        }
        for (int i = 0; i < 40; i++) {
            assertThat(kept).contains("text " + i + " of many");
        }
        assertThat(folder.toFile().list()).hasSize(40);
    }
}
