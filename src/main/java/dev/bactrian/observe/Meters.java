package dev.bactrian.observe;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.generate.Generation;
import dev.bactrian.limit.Circuits;
import dev.bactrian.model.Catalogue;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;

/**
 * Records the meters of docs/reference/observability.md in a Micrometer registry. The number of values of each tag is bounded by the models
 * of the catalogue and the error types.
 */
final class Meters implements Observer {

    /** The name under which Camel's components look up a registry. */
    private static final String CAMELS_NAME = "metricsRegistry";
    private static final String NONE = "none";
    private static final String OTHER = "other";
    /** The buckets of the histograms: a chat's first chunk takes a fraction of a second, a prediction may take minutes. */
    private static final Duration[] BOUNDS = {
            Duration.ofMillis(100), Duration.ofMillis(250), Duration.ofMillis(500), Duration.ofSeconds(1), Duration.ofMillis(2_500),
            Duration.ofSeconds(5), Duration.ofSeconds(10), Duration.ofSeconds(30), Duration.ofMinutes(1), Duration.ofMinutes(2),
            Duration.ofMinutes(5)};

    /** The buckets that the conventions ask for. */
    private static final Duration[] SECONDS = IntStream.range(0, 14).mapToObj(i -> Duration.ofMillis(10L << i)).toArray(Duration[]::new);
    private static final double[] TOKENS = IntStream.range(0, 14).mapToDouble(i -> Math.pow(4, i)).toArray();

    private final CamelContext context;
    private final MeterRegistry registry;
    private final Map<String, IntSupplier> waiting;
    private final Set<String> models = ConcurrentHashMap.newKeySet();
    private final Map<Tags, List<IntSupplier>> circuits = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> inFlight = new ConcurrentHashMap<>();

    private Meters(CamelContext context, MeterRegistry registry, Map<String, IntSupplier> waiting) {
        this.context = context;
        this.registry = registry;
        this.waiting = waiting;
    }

    /** Returns the meters of an application, or null if it has no registry. */
    static Observer of(CamelContext context, Map<String, IntSupplier> waiting) {
        MeterRegistry registry = registry(context);
        if (registry == null) {
            return null;
        }
        Meters meters = new Meters(context, registry, waiting);
        Circuits.listen(context, meters::circuit);
        return meters;
    }

    /** Shows a circuit breaker; of several with one model, as of several keys, the one that is open. */
    private void circuit(String provider, String model, IntSupplier state) {
        Tags tags = tags(provider, model);
        circuits.computeIfAbsent(tags, same -> {
            List<IntSupplier> states = new CopyOnWriteArrayList<>();
            Gauge.builder("bactrian.circuit.breaker.state", () -> states.stream().mapToInt(IntSupplier::getAsInt).max().orElse(0))
                    .description("0 if the circuit is closed, 1 if it is half open, 2 if it is open").tags(tags).strongReference(true).register(registry);
            return states;
        }).add(state);
    }

    private static MeterRegistry registry(CamelContext context) {
        MeterRegistry named = context.getRegistry().lookupByNameAndType(CAMELS_NAME, MeterRegistry.class);
        if (named != null) {
            return named;
        }
        Set<MeterRegistry> found = Set.copyOf(context.getRegistry().findByType(MeterRegistry.class));
        // A composite registry, as in Spring Boot, already counts in each of the others.
        return found.stream().filter(CompositeMeterRegistry.class::isInstance).findFirst()
                .or(() -> found.stream().findFirst().filter(only -> found.size() == 1))
                .orElseGet(() -> {
                    if (found.isEmpty()) {
                        return null;
                    }
                    CompositeMeterRegistry together = new CompositeMeterRegistry();
                    found.forEach(together::add);
                    return together;
                });
    }

    @Override
    public void models(Catalogue catalogue) {
        models.addAll(catalogue.ids());
        catalogue.providers().forEach(provider -> inFlight(provider.toString()));
    }

    private AtomicInteger inFlight(String provider) {
        return inFlight.computeIfAbsent(provider, name -> {
            AtomicInteger working = new AtomicInteger();
            Gauge.builder("bactrian.in.flight", () -> working.get() + waiting.getOrDefault(name, () -> 0).getAsInt())
                    .description("Requests that this instance has in work")
                    .tag("provider", name).strongReference(true).register(registry);
            return working;
        });
    }

    @Override
    public void begun(Exchange exchange, Generation generation) {
        inFlight(generation.getProvider()).incrementAndGet();
    }

    @Override
    public void left(Generation generation) {
        inFlight(generation.getProvider()).decrementAndGet();
    }

    @Override
    public void fellBack(Generation generation, String errorType) {
        count("bactrian.fallbacks", "Models that have failed and after which another one was tried",
                tags(generation).and("error.type", errorType), 1);
    }

    @Override
    public void firstChunk(Generation generation) {
        wholeText(generation);
        Timer.builder("gen_ai.client.operation.time_to_first_chunk").description("Time to receive the first chunk").serviceLevelObjectives(SECONDS)
                .tags(conventionalTags(generation)).register(registry).record(generation.elapsed());
    }

    @Override
    public void wholeText(Generation generation) {
        Timer.builder("bactrian.first.chunk").description("From the request to the first piece of its text")
                .serviceLevelObjectives(BOUNDS).tags(tags(generation)).register(registry).record(generation.elapsed());
    }

    @Override
    public void polled(Generation generation, boolean answered) {
        Tags tags = tags(generation).and("answered", Boolean.toString(answered));
        count("bactrian.polls", "Polls of predictions", tags, 1);
        count("bactrian.looks", "Deprecated: the former name of bactrian.polls", tags, 1);
    }

    @Override
    public void ended(Exchange exchange, Generation generation, ObjectNode document, int chunks) {
        Tags tags = tags(generation);
        Timer.builder("bactrian.requests").description("Requests that have their result or error, and how long they took")
                .serviceLevelObjectives(BOUNDS)
                .tags(tags.and("status", document.path("status").asText(), "error.type", document.path("error").path("type").asText(NONE)))
                .register(registry).record(generation == null ? Duration.ZERO : generation.elapsed());
        if (chunks > 0) {
            count("bactrian.chunks", "Pieces of text that have come", tags, chunks);
        }
        tokens(tags, "prompt", document.path("usage").path("prompt_tokens"));
        tokens(tags, "completion", document.path("usage").path("completion_tokens"));
        JsonNode cost = document.path("cost");
        if (cost.path("amount").isNumber()) {
            count("bactrian.cost", "What requests have cost", tags.and("currency", cost.path("currency").asText()), cost.path("amount").doubleValue());
        }
        if (generation != null) {
            conventional(generation, document);
        }
        JsonNode predicted = document.path("prediction").path("metrics").path("predict_time");
        if (predicted.isNumber() && predicted.doubleValue() >= 0 && predicted.doubleValue() < Integer.MAX_VALUE) {
            Timer.builder("bactrian.predict").description("What predictions took to run, as the provider says")
                    .tags(tags).register(registry).record((long) (predicted.doubleValue() * 1e9), TimeUnit.NANOSECONDS);
        }
    }

    /** Records the metrics of OpenTelemetry's semantic conventions for generative AI. */
    private void conventional(Generation generation, ObjectNode document) {
        Tags tags = conventionalTags(generation);
        Timer.builder("gen_ai.client.operation.duration").description("GenAI operation duration").serviceLevelObjectives(SECONDS)
                .tags(tags.and("error.type", document.path("error").path("type").asText(NONE))).register(registry).record(generation.elapsed());
        usage(tags, "input", document.path("usage").path("prompt_tokens"));
        usage(tags, "output", document.path("usage").path("completion_tokens"));
    }

    private void usage(Tags tags, String type, JsonNode tokens) {
        if (tokens.isNumber() && tokens.doubleValue() >= 0) {
            DistributionSummary.builder("gen_ai.client.token.usage").description("Number of input and output tokens used")
                    .serviceLevelObjectives(TOKENS).tags(tags.and("gen_ai.token.type", type)).register(registry).record(tokens.doubleValue());
        }
    }

    private Tags conventionalTags(Generation generation) {
        return Tags.of("gen_ai.operation.name", Operation.of(context, generation), "gen_ai.provider.name", generation.getProvider(),
                "gen_ai.request.model", model(generation));
    }

    private void tokens(Tags tags, String type, JsonNode tokens) {
        if (tokens.isNumber() && tokens.doubleValue() > 0) {
            count("bactrian.tokens", "Tokens that the provider has counted", tags.and("type", type), tokens.doubleValue());
        }
    }

    private void count(String name, String description, Tags tags, double amount) {
        Counter.builder(name).description(description).tags(tags).register(registry).increment(amount);
    }

    private Tags tags(Generation generation) {
        if (generation == null) {
            return Tags.of("provider", NONE, "model", NONE);
        }
        return tags(generation.getProvider(), generation.model().id());
    }

    private Tags tags(String provider, String model) {
        return Tags.of("provider", provider, "model", shown(model));
    }

    private String model(Generation generation) {
        return shown(generation.model().id());
    }

    private String shown(String model) {
        return models.contains(model) ? model : OTHER;
    }
}
