package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.generate.Account;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Reply;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Images that are made of an image, which comes as multipart/form-data. */
@Timeout(60)
class EditDoorTest extends DoorTestSupport {

    private static final String EDITS = "/v1/images/edits";
    private static final String BOUNDARY = "----aBoundary";
    private static final String PROMPT = "a hat f\u00fcr die Katze".repeat(1_000);
    private static final byte[] PNG = image("\u0089PNG\r\n\u001a\n", 20_000);

    private static final byte[] LARGE = image("\u00ff\u00d8\u00ff", 300_000);

    private final Account team = new Account();

    @Override
    protected void configure(Main main) throws Exception {
        super.configure(main);
        main.bind("team-a", team);
    }

    /** An image as far as its first bytes show. */
    private static byte[] image(String begin, int bytes) {
        byte[] image = new byte[bytes];
        new Random(7).nextBytes(image);
        byte[] head = begin.getBytes(StandardCharsets.ISO_8859_1);
        System.arraycopy(head, 0, image, 0, head.length);
        return image;
    }

    /** A body of parts: a name and a text or bytes, a name and … */
    private static byte[] form(Object... parts) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        for (int i = 0; i < parts.length; i += 2) {
            boolean file = parts[i + 1] instanceof byte[];
            body.writeBytes(("--" + BOUNDARY + "\r\nContent-Disposition: form-data; name=\"" + parts[i] + "\"" + (file ? "; filename=\"../a.txt\"\r\nContent-Type: text/plain" : "")
                    + "\r\n\r\n").getBytes(StandardCharsets.UTF_8));
            body.writeBytes(file ? (byte[]) parts[i + 1] : ((String) parts[i + 1]).getBytes(StandardCharsets.UTF_8));
            body.writeBytes("\r\n".getBytes(StandardCharsets.UTF_8));
        }
        body.writeBytes(("--" + BOUNDARY + "--\r\n").getBytes(StandardCharsets.UTF_8));
        return body.toByteArray();
    }

    private HttpResponse<String> edit(byte[] form, String... headers) throws Exception {
        return http.send(request(EDITS, headers).header("Content-Type", "multipart/form-data; boundary=" + BOUNDARY).POST(BodyPublishers.ofByteArray(form)).build(),
                BodyHandlers.ofString());
    }

    private JsonNode input() {
        return simulator.requests(Call.CREATE).get(0).json().path("input");
    }

    private void assertRefused(HttpResponse<String> response, int status, String message) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(json(response).at("/error/message").asText()).contains(message);
    }

    @Test
    void passesTheImageOnToTheModel() throws Exception {
        open();

        HttpResponse<String> response = edit(form("image", PNG, "prompt", PROMPT, "model", "sd-3", "n", "1", "size", "1024x1024", "output_format", "png",
                "seed", "7", "background", "auto"));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(json(response).path("data")).singleElement().satisfies(image -> assertThat(image.path("url").asText()).startsWith("http"));
        assertThat(input().path("image").asText()).isEqualTo("data:image/png;base64," + Base64.getEncoder().encodeToString(PNG));
        assertThat(input().path("prompt").asText()).isEqualTo(PROMPT);
        assertThat(input().path("aspect_ratio").asText()).isEqualTo("1:1");
        assertThat(input().path("output_format").asText()).isEqualTo("png");
        assertThat(input().path("seed").asInt()).isEqualTo(7);
        assertThat(input().has("background")).isFalse();
    }

    @Test
    void takesTheDefaultModelForImagesAndAnswersWithBytes() throws Exception {
        open("bactrian.images.hosts", "127.0.0.1");

        HttpResponse<String> response = edit(form("prompt", "a hat", "response_format", "b64_json", "image[]", image("RIFF    WEBP", 500)));

        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(json(response).at("/data/0/b64_json").asText()).isNotEmpty();
        assertThat(input().path("image").asText()).startsWith("data:image/webp;base64,");
    }

    @Test
    void refusesWhatItCannotPassOn() throws Exception {
        open();

        assertRefused(edit(form("image", "GIF? no".getBytes(StandardCharsets.UTF_8), "prompt", "a hat")), 400, "image: not an image");
        assertRefused(edit(form("image", PNG, "prompt", "a hat", "model", "sdxl")), 400, "image: the catalogue names no input");
        assertRefused(edit(form("image", PNG, "prompt", "a hat", "model", "solar-pro4")), 400, "model: ");
        assertRefused(edit(form("image", PNG, "prompt", "a hat", "model", "nope")), 404, "nope");
        assertRefused(edit(form("image", PNG)), 400, "no prompt");
        assertRefused(edit(form("prompt", "a hat")), 400, "image: not one file");
        assertRefused(edit(form("image", "a part without a filename", "prompt", "a hat")), 400, "the part of a file has a filename");
        assertRefused(edit(form("image", PNG, "mask", PNG, "prompt", "a hat")), 400, "image: not one file");
        assertRefused(edit(form("image", PNG, "prompt", "a hat", "n", "many")), 400, "n: ");
        assertRefused(post(EDITS, "{\"prompt\":\"a hat\"}"), 400, "not multipart/form-data");
        assertRefused(edit(Arrays.copyOf(form("image", PNG, "prompt", "a hat"), 10_000)), 400, "the form has no end");
        assertRefused(edit("no form".getBytes(StandardCharsets.UTF_8)), 400, "image: not one file");
        assertRefused(edit(form("image", LARGE)), 400, "no prompt");
        assertRefused(edit(form("image", LARGE, "prompt", "a hat", "response_format", "gif")), 400, "response_format: ");
        assertThat(simulator.count(Call.CREATE)).isZero();
        assertThat(simulator.count(Call.UPLOAD)).isZero();
    }

    @Test
    void uploadsAnImageThatIsTooLargeForARequest() throws Exception {
        team.setReplicateApiToken("r8_the-token-of-the-team");
        open("bactrian.replicate.api-token", "r8_a-token-of-the-tests, r8_another-token-of-them", "bactrian.http.api-keys", "team-a=ka,other=kb");

        HttpResponse<String> response = edit(form("image", LARGE, "prompt", "a hat", "size", "1024x1024"), "Authorization", "Bearer kb");
        HttpResponse<String> own = edit(form("image", LARGE, "prompt", "a hat"), "Authorization", "Bearer ka");

        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(own.statusCode()).as(own.body()).isEqualTo(200);
        assertThat(simulator.requests(Call.UPLOAD)).extracting(upload -> upload.header("Authorization"))
                .containsExactly("Bearer r8_a-token-of-the-tests", "Bearer r8_the-token-of-the-team");
        RecordedRequest upload = simulator.requests(Call.UPLOAD).get(0);
        String body = new String(upload.body(), StandardCharsets.ISO_8859_1);
        assertThat(body).contains("name=\"content\"; filename=\"file.jpeg\"\r\nContent-Type: image/jpeg\r\n\r\n" + new String(LARGE, StandardCharsets.ISO_8859_1) + "\r\n--");
        assertThat(input().path("image").asText()).matches("http://.*/v1/files/[a-z0-9]{26}");
        assertThat(input().path("prompt").asText()).isEqualTo("a hat");
        assertThat(input().path("aspect_ratio").asText()).isEqualTo("1:1");
    }

    @Test
    void failsIfAnImageCannotBeUploaded() throws Exception {
        open();
        simulator.on(Call.UPLOAD, Reply.status(500), Reply.status(401), Reply.json(200, "{}"), Reply.lost());

        for (int status : new int[] {503, 502, 503, 503}) {
            assertThat(edit(form("image", LARGE, "prompt", "a hat")).statusCode()).isEqualTo(status);
        }
        assertThat(simulator.count(Call.CREATE)).isZero();
        assertThat(edit(form("image", LARGE, "prompt", "a hat")).statusCode()).isEqualTo(200);
    }

    @Test
    void paysOnceForAnIdempotencyKey() throws Exception {
        open();

        HttpResponse<String> first = edit(form("image", PNG, "prompt", "a hat"), "Idempotency-Key", "k");
        HttpResponse<String> again = edit(form("image", PNG, "prompt", "a hat"), "Idempotency-Key", "k");
        HttpResponse<String> other = edit(form("image", image("GIF8", 50), "prompt", "a hat"), "Idempotency-Key", "k");

        assertThat(json(again).path("data")).isEqualTo(json(first).path("data"));
        assertThat(other.statusCode()).isEqualTo(422);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
    }

    @Test
    void paysOnceForALargeImageOverARestart() throws Exception {
        byte[] form = form("image", LARGE, "prompt", "a hat");
        open("bactrian.replicate.poll-delay", "50ms");
        simulator.always(Call.POLL, Reply.prediction("processing", "null"));
        CompletableFuture<HttpResponse<String>> lost = http.sendAsync(
                request(EDITS, "Idempotency-Key", "k").header("Content-Type", "multipart/form-data; boundary=" + BOUNDARY).POST(BodyPublishers.ofByteArray(form)).build(),
                BodyHandlers.ofString());
        await().until(() -> simulator.count(Call.POLL) > 0);

        stop();
        await().until(lost::isDone);
        simulator.always(Call.POLL, Reply.normally());
        open("bactrian.replicate.poll-delay", "50ms");
        HttpResponse<String> again = edit(form, "Idempotency-Key", "k");
        HttpResponse<String> third = edit(form, "Idempotency-Key", "k");
        HttpResponse<String> other = edit(form("image", image("GIF8", 300_000), "prompt", "a hat"), "Idempotency-Key", "k");

        assertThat(again.statusCode()).as(again.body()).isEqualTo(200);
        assertThat(json(third).path("data")).isEqualTo(json(again).path("data"));
        assertThat(other.statusCode()).isEqualTo(422);
        assertThat(simulator.count(Call.CREATE)).isEqualTo(1);
        assertThat(simulator.count(Call.UPLOAD)).isEqualTo(1);
    }
}
