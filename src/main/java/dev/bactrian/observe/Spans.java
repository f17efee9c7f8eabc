package dev.bactrian.observe;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.generate.Generation;
import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.spi.CamelTracingService;

/**
 * Adds a span for each request to the trace, with the attributes of OpenTelemetry's semantic conventions for generative AI. No
 * attribute contains a prompt or an answer.
 */
final class Spans implements Observer {

    private static final String PARENT = "bactrianSpanParent";

    private final Tracer tracer;

    private Spans(Tracer tracer) {
        this.tracer = tracer;
    }

    /** Returns the spans of an application, or null if it does not trace with camel-opentelemetry. */
    static Observer of(CamelContext context) {
        CamelTracingService tracing = context.hasService(CamelTracingService.class);
        if (tracing == null || !tracing.getClass().getName().startsWith("org.apache.camel.opentelemetry")) {
            return null;
        }
        Set<Tracer> own = Set.copyOf(context.getRegistry().findByType(Tracer.class));
        return new Spans(own.size() == 1 ? own.iterator().next() : GlobalOpenTelemetry.getTracer("bactrian"));
    }

    /** Keeps the current context, which is the span that Camel has created for the exchange. */
    @Override
    public void begun(Exchange exchange, Generation generation) {
        exchange.setProperty(PARENT, Context.current());
    }

    @Override
    public void ended(Exchange exchange, Generation generation, ObjectNode document, int chunks) {
        if (generation == null) {
            return;
        }
        String operation = Operation.of(exchange.getContext(), generation);
        SpanBuilder builder = tracer.spanBuilder(operation + " " + generation.model().id())
                .setSpanKind(SpanKind.CLIENT)
                // With a queue, the request may have begun in another exchange and in another process.
                .setParent(exchange.getProperty(PARENT, Context.current(), Context.class))
                .setStartTimestamp(generation.startedAt())
                .setAttribute("gen_ai.operation.name", operation)
                .setAttribute("gen_ai.provider.name", generation.getProvider())
                .setAttribute("gen_ai.request.model", generation.model().id());
        if (document.has("kind")) {
            builder.setAttribute("gen_ai.output.type", document.path("kind").asText());
        }
        count(builder, "gen_ai.usage.input_tokens", document.path("usage").path("prompt_tokens"));
        count(builder, "gen_ai.usage.output_tokens", document.path("usage").path("completion_tokens"));
        if (document.path("finishReason").isTextual()) {
            builder.setAttribute(AttributeKey.stringArrayKey("gen_ai.response.finish_reasons"),
                    new ArrayList<>(List.of(document.path("finishReason").textValue())));
        }
        if (document.path("prediction").path("id").isTextual()) {
            builder.setAttribute("gen_ai.response.id", document.path("prediction").path("id").textValue());
        }
        if (document.path("cost").path("amount").isNumber()) {
            builder.setAttribute("bactrian.cost.amount", document.path("cost").path("amount").doubleValue())
                    .setAttribute("bactrian.cost.currency", document.path("cost").path("currency").asText());
        }
        Span span = builder.startSpan();
        if (document.has("error")) {
            span.setAttribute("error.type", document.path("error").path("type").asText());
            span.setStatus(StatusCode.ERROR);
        }
        span.end();
    }

    private static void count(SpanBuilder builder, String name, JsonNode tokens) {
        if (tokens.isIntegralNumber()) {
            builder.setAttribute(name, tokens.longValue());
        }
    }
}
