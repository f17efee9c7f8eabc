package dev.bactrian.cost;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.model.Cost;
import dev.bactrian.model.Price;
import dev.bactrian.request.GenerateRequest;

/** Reckons what a request has cost, or is likely to cost, from a price. What cannot be reckoned is unknown, not zero. */
final class Reckoning {

    /** An assumption for requests that do not limit their answer, until the model's average is known. */
    private static final int USUAL_TOKENS = 1000;
    private static final BigDecimal USUAL_SECONDS = BigDecimal.valueOf(30);
    private static final int BYTES_OF_A_TOKEN = 4;
    private static final BigDecimal THOUSAND = BigDecimal.valueOf(1000);

    private Reckoning() {
    }

    /**
     * Returns the cost of a request by its result or error document: by its {@code usage} or the token counts in the metrics of its
     * prediction, else by its images, else by the time that its prediction ran. The time counts even if the prediction failed or was
     * cancelled.
     */
    static Optional<Cost> of(Price price, JsonNode document) {
        return usage(price, document.path("usage"))
                .or(() -> tokens(price, document.path("prediction").path("metrics"), "input_token_count", "output_token_count"))
                .or(() -> document.path("images").isEmpty() ? Optional.empty() : price.outputs(document.path("images").size()))
                .or(() -> time(price, document.path("prediction")));
    }

    /** Returns the cost of an answer by the {@code usage} that the provider reports. */
    static Optional<Cost> usage(Price price, JsonNode usage) {
        return tokens(price, usage, "prompt_tokens", "completion_tokens");
    }

    private static Optional<Cost> tokens(Price price, JsonNode counts, String prompt, String completion) {
        JsonNode in = counts.path(prompt);
        JsonNode out = counts.path(completion);
        return in.canConvertToLong() && out.canConvertToLong()
                ? price.tokens(in.longValue(), counts.path("prompt_tokens_details").path("cached_tokens").asLong(), out.longValue())
                : Optional.empty();
    }

    private static Optional<Cost> time(Price price, JsonNode prediction) {
        JsonNode reported = prediction.path("metrics").path("predict_time");
        if (reported.isNumber() && Double.isFinite(reported.doubleValue()) && Math.abs(reported.doubleValue()) < Integer.MAX_VALUE) {
            return price.time(BigDecimal.valueOf(reported.doubleValue()));
        }
        JsonNode measured = prediction.path("predictMs");
        return measured.canConvertToLong() && measured.isIntegralNumber()
                ? price.time(BigDecimal.valueOf(measured.longValue()).divide(THOUSAND)) : Optional.empty();
    }

    /**
     * Returns an estimate for an answer that broke off before the provider reported its usage: the tokens of the prompt by its length, and
     * one token for each chunk that arrived. Empty if the price is not by tokens or nothing arrived.
     */
    static Optional<Cost> partial(Price price, GenerateRequest request, int chunks) {
        return chunks == 0 ? Optional.empty() : price.tokens(promptTokens(request), 0, chunks).map(Cost::asEstimate);
    }

    /** Returns the most that a request of that kind usually costs; empty if the price is unknown. */
    static Optional<Cost> likely(Price price, GenerateRequest request) {
        return price.tokens(promptTokens(request), 0, mostTokens(request).orElse(USUAL_TOKENS))
                .or(() -> price.outputs(Math.max(1, option(request, "num_outputs").orElse(1))))
                .or(() -> price.time(USUAL_SECONDS));
    }

    /** Returns the limit of the answer's tokens that a request sets. */
    static Optional<Integer> mostTokens(GenerateRequest request) {
        return option(request, "max_tokens").or(() -> option(request, "max_completion_tokens")).or(() -> option(request, "max_new_tokens"));
    }

    private static Optional<Integer> option(GenerateRequest request, String name) {
        JsonNode value = request.options().path(name);
        return value.canConvertToInt() && value.intValue() >= 0 ? Optional.of(value.intValue()) : Optional.empty();
    }

    private static long promptTokens(GenerateRequest request) {
        return request.promptFor(false).getBytes(StandardCharsets.UTF_8).length / BYTES_OF_A_TOKEN + 1L;
    }
}
