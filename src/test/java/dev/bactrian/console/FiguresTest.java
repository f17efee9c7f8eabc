package dev.bactrian.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.concurrent.atomic.AtomicLong;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;

class FiguresTest {

    private final AtomicLong now = new AtomicLong(1_000_000 * 60_000L);
    private final Figures figures = new Figures(now::get);

    @Test
    void countByMinute() {
        figures.begun();
        figures.begun();
        figures.ended(false);
        figures.left();
        now.addAndGet(60_000);
        figures.ended(true);
        figures.left();

        JsonNode minutes = figures.json(-1).path("minutes");
        assertThat(minutes).hasSize(60);
        assertThat(minutes.get(58).toString()).endsWith("\"requests\":1,\"errors\":0,\"inFlight\":2}");
        assertThat(minutes.get(59).toString()).endsWith("\"requests\":1,\"errors\":1,\"inFlight\":1}");
        assertThat(minutes.get(59).path("at").asText()).isEqualTo("1971-11-26T10:41:00Z");
        assertThat(minutes.get(0).path("requests").asInt()).isZero();
        assertThat(figures.json(-1).path("inFlight").asInt()).isZero();
    }

    @Test
    void forgetAfterAnHour() {
        figures.ended(false);
        now.addAndGet(60 * 60_000);

        assertThat(figures.json(-1).path("minutes").findValuesAsText("requests")).hasSize(60).containsOnly("0");
    }

    @Test
    void tellPercentilesWithinTenPercent() {
        for (int i = 1; i <= 1_000; i++) {
            figures.firstChunk(i);
        }

        JsonNode firstChunk = figures.json(-1).path("minutes").get(59).path("firstChunk");
        assertThat(firstChunk.path("count").asInt()).isEqualTo(1_000);
        assertThat(firstChunk.path("p50Ms").asDouble()).isCloseTo(500, within(50.0));
        assertThat(firstChunk.path("p95Ms").asDouble()).isCloseTo(950, within(95.0));
    }

    @Test
    void tellOnlyWhatHasChanged() {
        figures.ended(false);
        long version = figures.version();
        assertThat(figures.json(version).path("minutes")).isEmpty();

        now.addAndGet(60_000);
        figures.ended(false);

        assertThat(figures.json(version).path("minutes")).hasSize(1);
        assertThat(figures.json(0).path("minutes")).hasSize(2);
    }
}
