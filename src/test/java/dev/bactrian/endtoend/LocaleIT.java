package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.LocalDate;
import java.util.List;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Korean, whatever the platform takes for its character set. */
class LocaleIT extends EndToEnd {

    private static final String QUESTION = "낙타는 왜 혹이 있나요? 🐫";
    private static final String[] ANSWER = {"지방을 ", "저장해요", " 🐪."};

    private ServiceProcess.Builder under(String locale) {
        return service().env("LC_ALL", locale).env("LANG", locale);
    }

    private void korean(ServiceProcess service) throws IOException {
        simulator.always(Call.CHAT, Reply.stream(ANSWER));
        drop("text.txt", QUESTION);
        drop("request.json", "{\"messages\": [{\"role\": \"user\", \"content\": \"" + QUESTION + "\"}]}");

        for (String id : List.of("text", "request")) {
            assertThat(result(id).path("text").asText()).isEqualTo(String.join("", ANSWER));
            assertThat(new String(Files.readAllBytes(outbox(id + ".json")), StandardCharsets.UTF_8)).contains(String.join("", ANSWER));
        }
        assertThat(simulator.requests(Call.CHAT)).hasSize(2).allSatisfy(request -> {
            assertThat(new String(request.body(), StandardCharsets.UTF_8)).contains(QUESTION);
            assertThat(request.json().at("/messages/0/content").asText()).isEqualTo(QUESTION);
        });
        assertThat(service.err()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"C", "POSIX", "C.UTF-8"})
    void textGoesInAndOutByteForByte(String locale) throws IOException {
        korean(run(under(locale)));
    }

    @Test
    void alsoWhereTheDefaultCharsetIsAnother() throws IOException {
        korean(run(under("C").jvm("-Dfile.encoding=ISO-8859-1")));
    }

    @ParameterizedTest
    @CsvSource({"th, TH, ''", "ja, JP, ca-japanese", "ar, EG, nu-arab", "tr, TR, ''"})
    void timesAndNumbersAreThoseOfIso(String language, String country, String extensions) throws IOException {
        ServiceProcess service = run(service().jvm("-Duser.language=" + language).jvm("-Duser.country=" + country).jvm("-Duser.extensions=" + extensions)
                );
        simulator.always(Call.CHAT, Reply.stream(ANSWER));
        drop("text.txt", QUESTION);
        drop("wrong.json", "{\"prompt\": 7}");

        String year = String.valueOf(LocalDate.now().getYear());
        assertThat(result("text").path("startedAt").asText()).matches("[0-9TZ:.-]+").startsWith(year);
        awaitFile(outbox("wrong.error.json"));
        await().atMost(SOON).until(() -> service.said("wrong: failed"));
        assertThat(service.out()).isNotEmpty().allSatisfy(line ->
                assertThat(line).matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}(Z|[+-][0-9]{2}:[0-9]{2}) .*").startsWith(year));
        assertThat(service.out()).allMatch(line -> line.chars().noneMatch(c -> Character.isDigit(c) && c > '9'));
        assertThat(service.err()).isEmpty();
    }

    @Test
    void whateverAFileIsCalledIsOneLineOfTheLog() throws Exception {
        ServiceProcess service = run(service());
        drop("ascii.txt", "");
        shell("mv inbox/ascii.txt \"inbox/$(printf 'a\\n2026-01-01T00:00:00.000Z INFO FORGED\\033[2J\\302\\205b').txt\"");
        drop("model.json", "{\"prompt\": \"hi\", \"provider\": \"upstage\", \"model\": \"x\\n2026-01-01T00:00:00.000Z INFO FORGED\\u001b[2J\"}");
        drop("replicate.json", "{\"prompt\": \"hi\", \"provider\": \"replicate\", \"model\": \"a/b\\u2028FORGED\\u2029\"}");

        result("model");
        awaitFile(outbox("replicate.error.json"));
        await().atMost(SOON).until(() -> service.out().stream().filter(line -> line.contains("failed, ")).count() == 2);
        assertThat(service.out()).allMatch(line -> line.matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T.*") && !line.startsWith("2026-01-01T00:00:00.000Z"))
                .allMatch(line -> line.chars().noneMatch(c -> Character.isISOControl(c) || c == 0x2028 || c == 0x2029));
        assertThat(service.err()).isEmpty();
    }

    /** Puts 한.txt into the inbox, whatever this JVM's own locale makes of such a name. */
    private void dropHangulName() throws Exception {
        drop("ascii.txt", QUESTION);
        shell("mv inbox/ascii.txt inbox/$(printf '\\355\\225\\234').txt");
    }

    private boolean exists(String path) throws Exception {
        return shell("test -e " + path + " && echo yes || echo no").equals("yes");
    }

    private String shell(String command) throws Exception {
        Process process = new ProcessBuilder("sh", "-c", command).directory(folder.toFile()).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim();
        assertThat(process.waitFor()).as(said).isZero();
        return said;
    }

    @Test
    void aHangulNameUnderTheCLocaleIsWarnedOfOnceAndWorksUnderUtf8() throws Exception {
        dropHangulName();
        ServiceProcess c = run(under("C"));
        drop("other.txt", QUESTION);
        result("other");
        // Several more polls of the folder.
        for (int i = 0; i < 4; i++) {
            drop("more-" + i + ".txt", QUESTION);
            result("more-" + i);
        }

        assertThat(c.out().stream().filter(line -> line.contains(" WARN ") || line.contains(" ERROR "))).as("%s", c).hasSize(1);
        assertThat(c.out().stream().filter(line -> line.contains("LC_ALL=C.UTF-8") && line.contains("sun.jnu.encoding"))).hasSize(1);
        assertThat(c.out()).noneMatch(line -> line.startsWith("\tat "));
        assertThat(c.err()).isEmpty();
        assertThat(exists("inbox/$(printf '\\355\\225\\234').txt")).isTrue();
        assertThat(c.sigterm().awaitExit(SOON)).isEqualTo(143);
        int before = simulator.count(Call.CHAT);

        run(under("C.UTF-8"));

        await().atMost(SOON).until(() -> exists("inbox/.done/$(printf '\\355\\225\\234').txt"));
        assertThat(emitted()).hasSize(6).allMatch(name -> name.matches("[A-Za-z0-9._-]+"));
        assertThat(simulator.count(Call.CHAT)).isEqualTo(before + 1);
    }
}
