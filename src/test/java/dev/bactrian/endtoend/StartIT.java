package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;

import dev.bactrian.simulator.Call;
import dev.bactrian.standalone.Demo;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The service starts from any folder, says what it does, and refuses what is not set right. */
class StartIT extends EndToEnd {

    /** Nothing set at all. */
    private ServiceProcess.Builder bare() {
        return ServiceProcess.in(folder);
    }

    @Test
    void withoutAnySettingItSaysWhatItDoesAndAnswersFromTheSimulator() {
        ServiceProcess service = run(bare());

        assertThat(service.err()).isEmpty();
        assertThat(service.out()).satisfiesOnlyOnce(line -> assertThat(line).containsIgnoringCase("simulator").contains("http://127.0.0.1:"))
                .satisfiesOnlyOnce(line -> assertThat(line).contains("Watching").contains(folder.toRealPath().resolve("inbox").toString()))
                .satisfiesOnlyOnce(line -> assertThat(line).contains("Results").contains("outbox"))
                .satisfiesOnlyOnce(line -> assertThat(line).contains("Replicate http://127.0.0.1:"))
                .satisfiesOnlyOnce(line -> assertThat(line).contains("Upstage   http://127.0.0.1:"))
                .satisfiesOnlyOnce(line -> assertThat(line).matches(".*ready with [1-9]\\d* routes.*"));

        drop("camel.json", PICTURE);

        assertThat(result("camel").path("images").path(0).path("url").asText()).startsWith("http://127.0.0.1:");
        awaitFile(inbox(".done/camel.json"));
        assertThat(waiting()).isEmpty();
        assertThat(service.err()).isEmpty();
        service.sigterm();
        assertThat(service.awaitExit(SOON)).isEqualTo(143);
        assertThat(service.err()).isEmpty();
    }

    @Test
    void carriageReturnsInFileAndEnvironmentAreTrimmed() throws IOException {
        Files.writeString(folder.resolve("bactrian.properties"), "\uFEFFbactrian.upstage.api-endpoint=" + simulator.chatUrl() + " \r\n"
                + "bactrian.upstage.api-key=\"up_from-windows\"\r\nbactrian.default-model=solar-pro\u00A0\r\n");
        ServiceProcess service = run(bare().env("BACTRIAN_FILE_INBOX", folder.resolve("inbox") + "\r").env("BACTRIAN_MAX_IN_FLIGHT", "7\r")
                .env("BACTRIAN_JMS_CONCURRENCY", "8 \r"));

        drop("camel.txt", "a camel");

        assertThat(result("camel").path("model").asText()).isEqualTo("solar-pro");
        assertThat(simulator.requests(Call.CHAT).get(0).header("Authorization")).isEqualTo("Bearer up_from-windows");
        try (Stream<Path> names = Files.list(folder)) {
            assertThat(names.map(name -> name.getFileName().toString())).containsOnlyOnce("inbox").noneMatch(name -> name.contains("\r"));
        }
        assertThat(service.err()).isEmpty();
    }

    @Nested
    class TheDemo {

        @Test
        void runsTheSamplesAndPrintsALineForEach() throws IOException {
            int samples = 0;
            try (Stream<Path> files = Files.list(Path.of("examples/requests"))) {
                for (Path sample : files.toList()) {
                    Files.copy(sample, inbox(sample.getFileName().toString()));
                    samples++;
                }
            }
            ServiceProcess demo = start(bare().main(Demo.class));

            assertThat(demo.awaitExit(Duration.ofSeconds(60))).as("%s", demo).isZero();
            assertThat(samples).isGreaterThan(3);
            assertThat(demo.out().stream().filter(line -> line.contains(" succeeded "))).as("%s", demo).hasSizeGreaterThanOrEqualTo(samples);
            assertThat(emitted()).hasSize(samples);
            assertThat(done()).hasSize(samples);
            for (String name : emitted()) {
                String id = name.replaceFirst("\\.json$", "");
                assertThat(demo.out().stream().filter(line -> line.matches(id + " +succeeded .* \\d+ ms .*"))).as("the line of %s", id).hasSize(1);
            }
            assertThat(demo.err()).isEmpty();
        }

        @Test
        void endsWithOneWhereASampleFails() {
            drop("good.txt", "hello");
            drop("bad.json", "{\"prompt\": 7}");
            ServiceProcess demo = start(bare().main(Demo.class));

            assertThat(demo.awaitExit(Duration.ofSeconds(60))).as("%s", demo).isOne();
            assertThat(demo.out().stream().filter(line -> line.startsWith("good ") && line.contains(" succeeded "))).hasSize(1);
            assertThat(demo.out().stream().filter(line -> line.startsWith("bad ") && line.contains(" failed ") && line.contains("invalid-request")))
                    .hasSize(1);
        }
    }

    @Nested
    class ABadSetting {

        private String refused(ServiceProcess service) {
            assertThat(service.awaitExit(Duration.ofSeconds(60))).as("%s", service).isEqualTo(2);
            assertThat(service.err()).as("one line").hasSize(1);
            assertThat(service.out()).as("nothing but log lines").noneMatch(line -> line.contains("ready"))
                    .noneMatch(line -> line.startsWith("\tat ") || line.contains("Exception"));
            return service.err().get(0);
        }

        @ParameterizedTest
        @CsvSource(delimiter = ';', value = {
            "bactrian.upstage.apikey; x; did you mean bactrian.upstage.api-key?",
            "bactrian.replicate.poll-delay; 5 minutes; duration",
            "bactrian.max-in-flight; many; whole number",
            "bactrian.upstage.api-endpoint; api.upstage.ai/v1; URL",
            "bactrian.replicate.proxy; localhost:3128; http://[user:password@]host:port",
            "bactrian.models; nowhere/models.yaml; nowhere/models.yaml",
            "bactrian.models; broken.yaml; broken.yaml",
            "bactrian.default-model; no-such-model; no-such-model",
            "bactrian.routes; nowhere; not a folder",
            "bactrian.routes; empty; no routes",
            "bactrian.config; nowhere.properties; nowhere.properties",
            "bactrian.emit.format; xml; json",
            "bactrian.emit.result; seda:nobody; no route",
            "bactrian.emit.result; file:outbox | mock:nobody; no route",
            "bactrian.emit.error; direct:nobody; no route",
            "bactrian.emit.chunk; timer:tick; only receives",
            "bactrian.emit.result; file:outbox?fileNme=x.json; no option fileNme",
            "bactrian.undelivered; broken.yaml/kept; can't be written",
            "bactrian.shutdown-timeout; soon; duration",
        })
        void stopsTheStartWithOneLineThatNamesIt(String name, String value, String why) throws IOException {
            Files.writeString(folder.resolve("broken.yaml"), "providers: [");
            Files.createDirectories(folder.resolve("empty"));

            String line = refused(start(bare().set(name, value.equals("broken.yaml") ? "file:broken.yaml" : value)));

            assertThat(line).startsWith("bactrian: " + name + ": ").contains(why);
        }

        @Test
        void inTheFileIsRefusedTheSame() throws IOException {
            Files.writeString(folder.resolve("bactrian.properties"), "bactrian.retry.delay = soon\n");

            assertThat(refused(start(bare()))).startsWith("bactrian: bactrian.retry.delay: ").contains("'soon'");
        }

        @Test
        void ofTheDemoIsRefusedTheSame() {
            ServiceProcess demo = start(bare().main(Demo.class).set("bactrian.retry.delay", "soon"));

            assertThat(refused(demo)).startsWith("bactrian: bactrian.retry.delay: ");
        }

        @Test
        void ofAProxyDoesNotShowItsPassword() {
            ServiceProcess service = start(bare().set("bactrian.upstage.proxy", "socks://me:hunter2@proxy:1"));

            assertThat(refused(service)).startsWith("bactrian: bactrian.upstage.proxy: ");
            assertThat(service.toString()).doesNotContain("hunter2");
        }
    }

    @Test
    void eachDestinationIsSaidWithoutItsSecrets() {
        ServiceProcess service = run(bare().set("bactrian.emit.result",
                "http://127.0.0.1:9/one?token=hunter2 | http://me:hunter2@127.0.0.1:9/two?key=hunter2&x=hunter2 | file:outbox?fileName=${header.BactrianRequestId}.json"));

        assertThat(service.out()).satisfiesOnlyOnce(line -> assertThat(line).contains("Results ").contains("http://127.0.0.1:9/one?")
                .contains("@127.0.0.1:9/two?").endsWith("| file:outbox?fileName=${header.BactrianRequestId}.json"));
        assertThat(service.toString()).doesNotContain("hunter2");
    }

    @Nested
    class Precedence {

        /** What the line of Upstage's endpoint shows. */
        private String endpoint(ServiceProcess service) {
            return service.out().stream().filter(line -> line.contains("Upstage   ")).findFirst().orElseThrow().replaceFirst(".*Upstage +", "");
        }

        @Test
        void isFileThenEnvironmentThenSystemProperty() throws IOException {
            Files.writeString(folder.resolve("bactrian.properties"), "bactrian.upstage.api-endpoint = http://127.0.0.1:1/file\n");
            ServiceProcess file = run(bare());
            assertThat(endpoint(file)).as("over the packaged").isEqualTo("http://127.0.0.1:1/file");
            assertThat(file.said("simulator")).as("an endpoint is set").isFalse();

            ServiceProcess environment = run(bare().env("BACTRIAN_UPSTAGE_API_ENDPOINT", "http://127.0.0.1:1/environment"));
            assertThat(endpoint(environment)).isEqualTo("http://127.0.0.1:1/environment");

            ServiceProcess system = run(bare().env("BACTRIAN_UPSTAGE_API_ENDPOINT", "http://127.0.0.1:1/environment")
                    .set("bactrian.upstage.api-endpoint", "http://127.0.0.1:1/system"));
            assertThat(endpoint(system)).isEqualTo("http://127.0.0.1:1/system");
        }

        @Test
        void anotherFileIsReadWhereItIsNamed() throws IOException {
            Files.writeString(folder.resolve("bactrian.properties"), "bactrian.upstage.api-endpoint = http://127.0.0.1:1/default\n");
            Files.writeString(folder.resolve("other.properties"),
                    "bactrian.upstage.api-endpoint = http://127.0.0.1:1/낙타\ncamel.main.name = dromedary\n");

            assertThat(endpoint(run(bare().set("bactrian.config", "other.properties")))).startsWith("http://127.0.0.1:1/").doesNotContain("default");
        }
    }

    @Test
    void routesOfAFolderReplaceThePackagedOnes() throws IOException {
        Path routes = Files.createDirectories(folder.resolve("my-routes"));
        try (Stream<Path> files = Files.list(Path.of("routes"))) {
            for (Path file : files.toList()) {
                String text = Files.readString(file).replace("expression: bactrianImageDownloads.document\n",
                        "expression: bactrianImageDownloads.document\n        - log:\n            message: \"${header.BactrianRequestId}: geschafft\"\n");
                Files.writeString(routes.resolve(file.getFileName().toString()), text);
            }
        }
        drop("camel.json", PICTURE);

        ServiceProcess service = run(service().set("bactrian.routes", "my-routes"));

        result("camel");
        assertThat(service.said("camel: geschafft")).isTrue();
        assertThat(service.err()).isEmpty();
    }

    @Test
    void theProvidersOwnVariablesAreHonouredAndGoToThemAlone() {
        ServiceProcess service = run(service().env("REPLICATE_API_TOKEN", "r8_canary").env("UPSTAGE_API_KEY", "up_canary"));
        drop("camel.json", PICTURE);
        drop("chat.json", CHAT);
        result("camel");
        result("chat");

        assertThat(simulator.requests(Call.CREATE)).allSatisfy(request -> assertThat(request.header("Authorization")).isEqualTo("Bearer r8_canary"));
        assertThat(simulator.requests(Call.POLL)).isNotEmpty()
                .allSatisfy(request -> assertThat(request.header("Authorization")).isEqualTo("Bearer r8_canary"));
        assertThat(simulator.requests(Call.CHAT)).allSatisfy(request -> assertThat(request.header("Authorization")).isEqualTo("Bearer up_canary"));
        assertThat(service.toString()).doesNotContain("canary");
    }

    @Test
    void aTokenMeansNoSimulatorAndTheOtherServiceSaysWhatItLacks() {
        // Nobody is called: the one prompt is for the service whose token is missing.
        ServiceProcess service = run(bare().env("REPLICATE_API_TOKEN", "r8_canary"));

        assertThat(service.said("simulator")).isFalse();
        assertThat(service.said("https://api.replicate.com/v1/predictions")).isTrue();
        assertThat(service.said("https://api.upstage.ai/v1/chat/completions")).isTrue();
        drop("hello.txt", "hello");
        assertThat(error("hello").path("type").asText()).isEqualTo("authentication");
        assertThat(error("hello").path("message").asText()).contains("bactrian.upstage.api-key");
        awaitFile(inbox(".failed/hello.txt"));
    }

    @Test
    void aMissingInboxIsMade() throws IOException {
        Files.delete(folder.resolve("inbox"));
        run(service());

        await().atMost(SOON).until(() -> Files.isDirectory(folder.resolve("inbox")));
    }
}
