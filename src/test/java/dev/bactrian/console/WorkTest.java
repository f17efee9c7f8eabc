package dev.bactrian.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Job;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.request.GenerateRequest;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** That what is recorded of many requests has bounds. */
class WorkTest {

    private static final Model MODEL = new Model(ProviderName.UPSTAGE, "solar-pro4", Kind.TEXT, "solar-pro4");

    private final CamelContext camel = new DefaultCamelContext();
    private final Work work = new Work(new Mask(Settings.of(Map.of("bactrian.upstage.api-key", "up_canary_key_3f9a"))));

    @AfterEach
    void close() throws Exception {
        camel.close();
    }

    private Exchange begin(String id) {
        Exchange exchange = new DefaultExchange(camel);
        Job job = Job.begin(exchange);
        job.generation(Generation.begin(id, GenerateRequest.ofPrompt("hi"), MODEL, false, ""), null);
        work.begun(exchange, job.generation());
        return exchange;
    }

    private void end(Exchange exchange, String text) {
        Generation generation = Job.generation(exchange);
        Job.of(exchange).progress().text(text);
        work.ended(exchange, generation, Documents.result(generation, JsonNodeFactory.instance.objectNode().put("kind", "text").put("chunks", 1)), 1);
        work.left(generation);
    }

    @Test
    void holdsLittleOfManyRequests() {
        String text = "x".repeat(100_000);
        for (int i = 0; i < 10_000; i++) {
            Exchange exchange = begin("chat-" + i);
            Job.of(exchange).progress().chunk(text);
            end(exchange, text);
        }

        assertThat(work.count()).isZero();
        assertThat(work.textKept()).isZero();
        assertThat(work.history().count()).isEqualTo(History.MOST);
        assertThat(work.history().size()).isLessThanOrEqualTo(History.MOST_CHARS);
    }

    @Test
    void holdsLittleOfManyTextsAtOnce() {
        List<Exchange> exchanges = new ArrayList<>();
        for (int i = 0; i < 1_000; i++) {
            exchanges.add(begin("chat-" + i));
        }

        String piece = "x".repeat(1_000);
        for (int i = 0; i < 200; i++) {
            exchanges.forEach(exchange -> Job.of(exchange).progress().chunk(piece));
        }

        assertThat(work.textKept()).isBetween(4_000_000L, 16_000_000L);
        assertThat(work.lines().get(0).path("text").asText().length()).isBetween(4_000, 82_000);
        exchanges.forEach(exchange -> end(exchange, ""));
        assertThat(work.textKept()).isZero();
    }

    @Test
    void showsNoKeyThatComesInPieces() {
        Exchange exchange = begin("echo");
        Entry entry = work.inWork().get(0);
        entry.changes();
        StringBuilder told = new StringBuilder();
        for (int i = 0; i < 3; i++) {
            for (String piece : "The key up_canary_key_3f9a, uup_canary_key_3f9a or up_canary. ".split("(?<=\\G.{3})")) {
                Job.of(exchange).progress().chunk(piece);
                entry.changes().stream().filter(change -> change.name().equals("text")).forEach(change -> {
                    assertThat(change.data().path("at").asInt()).isEqualTo(told.length());
                    told.append(change.data().path("text").asText());
                });
                assertThat(entry.line(true).path("text").asText()).doesNotContain("canary_key").isEqualTo(told.toString());
            }
        }
        assertThat(told).hasToString("The key ***, u*** or up_canary. ".repeat(3));
        Job.of(exchange).progress().chunk("up_canary_key_3f9a".repeat(20_000));
        assertThat(entry.line(true).path("text").asText()).endsWith("***").doesNotContain("canary_key");

        work.ended(exchange, Job.generation(exchange), Documents.result(Job.generation(exchange), JsonNodeFactory.instance.objectNode()), 1);

        assertThat(work.history().lines().toString()).doesNotContain("canary_key");
        assertThat(work.textKept()).isZero();
    }

    @Test
    void saysThatItDoesNotKnowAnOutcome() {
        Exchange exchange = begin("stopped");
        Entry entry = work.inWork().get(0);
        assertThat(entry.isGone(0, 0)).as("in work").isFalse();

        work.left(Job.generation(exchange));
        assertThat(entry.isGone(0, 0)).isTrue();
        work.done(entry);

        assertThat(work.count()).isZero();
        assertThat(work.history().lines().get(0).path("outcome").asText()).isEqualTo("unknown");
    }

    @Test
    void followsNoMoreThanItsBound() {
        List<Exchange> exchanges = new ArrayList<>();
        for (int i = 0; i < Work.MOST_FOLLOWED + 100; i++) {
            exchanges.add(begin("chat-" + i));
        }
        assertThat(work.count()).isEqualTo(Work.MOST_FOLLOWED);
        assertThat(work.lines()).hasSize(Work.MOST_SHOWN);
        assertThat(Job.of(exchanges.get(Work.MOST_FOLLOWED)).progress()).isNull();

        exchanges.forEach(exchange -> {
            Generation generation = Job.generation(exchange);
            work.ended(exchange, generation, Documents.result(generation, JsonNodeFactory.instance.objectNode()), 0);
        });

        assertThat(work.count()).isZero();
        assertThat(work.figures().json(-1).path("inFlight").asInt()).isZero();
        assertThat(work.history().count()).isEqualTo(History.MOST);
    }
}
