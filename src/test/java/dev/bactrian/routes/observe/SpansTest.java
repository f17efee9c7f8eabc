package dev.bactrian.routes.observe;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import dev.bactrian.config.Property;
import dev.bactrian.routes.support.ReplicateReplies;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import org.apache.camel.main.Main;
import org.apache.camel.opentelemetry2.OpenTelemetryTracer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** An application that traces by camel-opentelemetry2: a span for each request, in the trace of the route that asked. */
class SpansTest extends RouteTestSupport {

    private final InMemorySpanExporter exporter = InMemorySpanExporter.create();
    private final SdkTracerProvider provider =
            SdkTracerProvider.builder().addSpanProcessor(SimpleSpanProcessor.create(exporter)).build();

    @Override
    protected void configure(Main main) {
        main.bind("tracer", provider.get("test"));
        main.bind("propagators", ContextPropagators.noop());
        main.addProperty("camel.opentelemetry2.enabled", "true");
    }

    @AfterEach
    void closeProvider() {
        provider.close();
    }

    private List<SpanData> generations() {
        return exporter.getFinishedSpanItems().stream()
                .filter(span -> span.getAttributes().get(AttributeKey.stringKey("gen_ai.operation.name")) != null).toList();
    }

    private static Map<String, Object> attributes(SpanData span) {
        return span.getAttributes().asMap().entrySet().stream().collect(Collectors.toMap(entry -> entry.getKey().getKey(), Map.Entry::getValue));
    }

    @Test
    void whatAChatHasCostIsAnAttribute() throws Exception {
        start("bactrian.emit.chunk", "");

        generate("{\"model\": \"solar-mini4\", \"prompt\": \"hi\"}");

        assertThat(attributes(generations().get(0))).containsEntry("bactrian.cost.currency", "USD")
                .hasEntrySatisfying("bactrian.cost.amount", amount -> assertThat((Double) amount).isPositive());
    }

    @Test
    void aChatHasTheAttributesOfGenerativeAi() throws Exception {
        start();
        assertThat(context().hasService(OpenTelemetryTracer.class)).isNotNull();
        simulator.on(Call.CHAT, Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"an answer\"},\"finish_reason\":\"stop\"}]}\n\n"
                + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}\n\ndata: [DONE]\n\n"));

        generate("a question");

        SpanData span = generations().get(0);
        assertThat(generations()).hasSize(1);
        assertThat(span.getName()).isEqualTo("chat solar-pro4");
        assertThat(span.getKind()).isEqualTo(SpanKind.CLIENT);
        assertThat(attributes(span)).containsExactlyInAnyOrderEntriesOf(Map.of(
                "gen_ai.operation.name", "chat",
                "gen_ai.provider.name", "upstage",
                "gen_ai.request.model", "solar-pro4",
                "gen_ai.output.type", "text",
                "gen_ai.usage.input_tokens", 7L,
                "gen_ai.usage.output_tokens", 2L,
                "gen_ai.response.finish_reasons", List.of("stop")));
        SpanData caller = exporter.getFinishedSpanItems().stream().filter(other -> !other.getParentSpanContext().isValid()).findFirst().orElseThrow();
        assertThat(span.getTraceId()).as("the trace of the route that asked").isEqualTo(caller.getTraceId());
        assertThat(exporter.getFinishedSpanItems()).extracting(SpanData::getSpanId).contains(span.getParentSpanId());
        assertThat(span.getEndEpochNanos()).isGreaterThan(span.getStartEpochNanos());
        assertThat(exporter.getFinishedSpanItems().toString()).doesNotContain("question").doesNotContain("an answer");
        takeChunks();
    }

    @Test
    void aPredictionHasItsIdAndAFailureItsType() throws Exception {
        start(Property.REPLICATE_API_TOKEN.key(), "r8_canary");
        simulator.on(Call.CREATE, ReplicateReplies.created());
        simulator.on(Call.POLL, ReplicateReplies.failed("\"NSFW\"", "\"\""));

        generateFails("{\"model\": \"sd-3\", \"prompt\": \"a question\"}");

        SpanData span = generations().get(0);
        assertThat(span.getName()).isEqualTo("generate_content stability-ai/stable-diffusion-3");
        assertThat(span.getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
        assertThat(attributes(span)).containsEntry("error.type", "prediction-failed").containsEntry("gen_ai.provider.name", "replicate")
                .containsEntry("gen_ai.response.id", "p1");
        assertThat(exporter.getFinishedSpanItems().toString()).doesNotContain("canary").doesNotContain("question");
    }
}
