package dev.bactrian.jms;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.generate.Fallback;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Cost;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.replicate.PollCounts;
import dev.bactrian.replicate.PollState;
import dev.bactrian.replicate.PollTimings;
import dev.bactrian.replicate.PredictionStatus;
import dev.bactrian.request.ChatMessage;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PollMessageTest {

    private static PollMessage waiting(Kind kind, Instant startedAt) {
        GenerateRequest request = new GenerateRequest("cat", null, null, kind, List.of(ChatMessage.of("user", "a \"cat\"\n낙타")), null,
                JsonNodeFactory.instance.objectNode().put("seed", 7));
        Model model = new Model(ProviderName.REPLICATE, "owner/name", kind, "abc");
        return new PollMessage(Generation.resume("cat", request, model, "cat-0123", startedAt), PollState.resume("p1", "processing", new PollCounts(3, 2, 1, 4),
                PollTimings.resume(startedAt.plusSeconds(10), Duration.ofMillis(1234), null)));
    }

    @Test
    void aMessageIsReadAsItWasWritten() {
        Instant startedAt = Instant.now().minusSeconds(60);

        PollMessage read = PollMessage.read(waiting(Kind.IMAGE, startedAt).write()).orElseThrow();

        assertThat(read.generation().id()).isEqualTo("cat");
        assertThat(read.generation().model()).isEqualTo(new Model(ProviderName.REPLICATE, "owner/name", Kind.IMAGE, "abc"));
        assertThat(read.generation().recallKey()).isEqualTo("cat-0123");
        assertThat(read.generation().startedAt()).isEqualTo(startedAt);
        assertThat(read.generation().elapsed()).isBetween(Duration.ofSeconds(60), Duration.ofSeconds(90));
        assertThat(read.generation().request().promptFor(true)).isEqualTo("a \"cat\"\n낙타");
        assertThat(read.poll().getId()).isEqualTo("p1");
        assertThat(read.poll().prediction().status()).isEqualTo(PredictionStatus.PROCESSING);
        assertThat(read.poll().polls()).isEqualTo(new PollCounts(3, 2, 1, 4));
        assertThat(read.poll().isPending()).isTrue();
        assertThat(read.poll().times().waited()).isEqualTo(Duration.ofMillis(1234));
        assertThat(read.poll().times().ran()).isNull();
        assertThat(read.poll().times().createdAt()).isBetween(startedAt.plusSeconds(9), startedAt.plusSeconds(20));
    }

    @Test
    void theNameOfTheTokenIsKeptAndNothingElse() {
        PollMessage message = waiting(Kind.TEXT, Instant.now());
        Generation asked = message.generation().using("0123456789abcdef01234567");
        String text = new PollMessage(asked, message.poll()).write();

        assertThat(PollMessage.read(text).orElseThrow().generation().token()).isEqualTo("0123456789abcdef01234567");
        assertThat(PollMessage.read(text.replace("0123456789abcdef01234567", "x y")).orElseThrow().generation().token()).isNull();
        assertThat(message.write()).doesNotContain("token");
    }

    /** The version before and the one after read the same message. */
    @Test
    void aMessageOfAnEarlierVersionIsWrittenAsItWasRead() throws IOException {
        JsonNode messages = ProviderJson.json(Files.readString(Path.of("src/test/resources/upgrade/messages.json"))).orElseThrow().path("polls");

        assertThat(messages).hasSize(8).allSatisfy(message -> {
            String text = message.path("body").asText();
            assertThat(withoutCreatedAt(PollMessage.read(text).orElseThrow().write())).isEqualTo(withoutCreatedAt(text));
        });
    }

    /** That moment is kept by the clock that measures durations, and so it may be off by microseconds. */
    private static String withoutCreatedAt(String message) {
        assertThat(message).contains("\"createdAt\":");
        return message.replaceFirst("(\"createdAt\":)\"[^\"]*\"", "$1\"\"");
    }

    @Test
    void aMessageCarriesTheModelsThatWereTriedAndThoseToTry() {
        PollMessage waiting = waiting(Kind.TEXT, Instant.now());
        Generation generation = waiting.generation().with(new Fallback(List.of(new Model(ProviderName.UPSTAGE, "solar-mini4", Kind.TEXT, "solar-mini4")),
                true, "cat-key", List.of(new Fallback.Attempt("solar-pro4", "upstage", "rate-limited", "no \"room\"", new Cost(new BigDecimal("0.5"), "USD", Cost.Basis.TIME, true))), List.of("cat-1")));

        Generation read = PollMessage.read(new PollMessage(generation, waiting.poll()).write()).orElseThrow().generation();

        assertThat(read.fallback().tried()).isEqualTo(generation.fallback().tried());
        assertThat(read.fallback().next()).extracting(Model::id).containsExactly("solar-mini4");
        assertThat(read.fallback().key()).isEqualTo("cat-key");
        assertThat(read.fallback().keys()).containsExactly("cat-1");
        assertThat(read.fallback().afterPaid()).isTrue();
        assertThat(read.request().messages()).isEqualTo(generation.request().messages());
        assertThat(read.request().options()).isEqualTo(generation.request().options());
        assertThat(PollMessage.read(new PollMessage(generation, waiting.poll()).write().replace("cat-key", "../key"))).isEmpty();
    }

    @Test
    void aMessageKeepsAnUnknownKind() {
        assertThat(PollMessage.read(waiting(null, Instant.now()).write()).orElseThrow().generation().model().kind()).isNull();
    }

    @Test
    void aMessageCarriesNoConversationOfAText() {
        assertThat(waiting(Kind.TEXT, Instant.now()).write()).doesNotContain("낙타");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "[]", "{}", "null", "{\"id\": \"cat\"}"})
    void aTextThatIsNoMessageIsNotRead(String text) {
        assertThat(PollMessage.read(text)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"id", "recallKey", "prediction"})
    void aMessageHasNoNameThatLeadsElsewhere(String field) {
        String state = waiting(Kind.TEXT, Instant.now()).write();
        assertThat(PollMessage.read(state)).isPresent();
        assertThat(PollMessage.read(state.replaceFirst("(\"" + field + "\":\")[^\"]*", "$1../x"))).isEmpty();
        assertThat(PollMessage.read(state.replaceFirst("\"" + field + "\":\"[^\"]*\"", "\"" + field + "\":1"))).isEmpty();
    }

    @Test
    void aMessageWithAnInvalidTimeIsNotRead() {
        String state = waiting(Kind.TEXT, Instant.now()).write();
        assertThat(PollMessage.read(state.replaceFirst("(\"startedAt\":\")[^\"]*", "$1yesterday"))).isEmpty();
        assertThat(PollMessage.read(state.replaceFirst("(\"startedAt\":\")[^\"]*", "$1" + "1600-01-01T00:00:00Z"))).isEmpty();
        assertThat(PollMessage.read(state.replaceFirst("\"kind\":\"text\"", "\"kind\":\"film\""))).isEmpty();
    }
}
