package dev.bactrian.routes.generate;

import static dev.bactrian.routes.support.ReplicateReplies.created;
import static dev.bactrian.routes.support.ReplicateReplies.poll;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.util.Arrays;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.generate.Account;
import dev.bactrian.ledger.Spending;
import dev.bactrian.ledger.Spending.Item;
import dev.bactrian.ledger.Spending.Sum;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.routes.support.Scrape;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.CapturedLog;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;

/** What requests cost, in their documents, the meters and the ledger. */
class CostTest extends RouteTestSupport {

    /** Prices in round figures. */
    static final String CATALOGUE = """
            extends: classpath:bactrian/models.yaml
            providers:
              upstage:
                models:
                  - {id: solar-pro4, price: {input: 1, cached: 0.5, output: 10}}
                  - {id: solar-pro3}
              replicate:
                models:
                  - {id: google-deepmind/gemma-2b-it, kind: text, version: v1, aliases: [gemma-2b], price: {per-second: 0.5}}
                  - {id: stability-ai/stable-diffusion-3, kind: image, version: v2, aliases: [sd-3], price: {per-output: 0.25}}
                  - {id: meta/meta-llama-3-8b-instruct, kind: text, price: {input: 2, output: 4}}
            """;

    private static final String KEY = "up_a-key-of-the-tests-ab12";

    static Reply chat(int prompt, int cached, int completion) {
        return Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n"
                + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":" + prompt + ",\"completion_tokens\":" + completion
                + ",\"prompt_tokens_details\":{\"cached_tokens\":" + cached + "}}}\n\ndata: [DONE]\n\n");
    }

    private final Account own = new Account();

    @Override
    protected void configure(Main main) {
        own.setUpstageApiKey("up_another-key-of-the-tests-cd34");
        main.bind("own", own);
    }

    @Override
    protected void start(String... properties) throws Exception {
        String[] all = Arrays.copyOf(properties, properties.length + 4);
        System.arraycopy(new String[] {Property.MODELS.key(), "file:" + Files.writeString(folder.resolve("models.yaml"), CATALOGUE),
            Property.UPSTAGE_API_KEY.key(), KEY}, 0, all, properties.length, 4);
        super.start(all);
    }

    private Map<Item, Sum> spent() {
        Spending spending = Spending.open(Settings.of(Map.of(Property.DATA_DIR.key(), folder.resolve("data").toString())));
        try {
            return spending.read(Spending.today().toString());
        } finally {
            spending.stop();
        }
    }

    private static String cost(JsonNode document) {
        return document.path("cost").toString();
    }

    @Test
    void aChatCostsItsTokensAndTheCachedOnesLess() throws Exception {
        start(Scrape.SERVED);
        simulator.on(Call.CHAT, chat(1000, 400, 100));

        JsonNode result = generate("{\"id\": \"r1\", \"prompt\": \"hi\"}");

        assertThat(cost(result)).isEqualTo("{\"amount\":0.0018,\"currency\":\"USD\",\"basis\":\"tokens\"}");
        Scrape scrape = Scrape.of(context());
        assertThat(scrape.value("bactrian_cost_total", "provider", "upstage", "model", "solar-pro4", "currency", "USD")).isEqualTo(0.0018);
        assertThat(scrape.value("gen_ai_client_token_usage_sum", "gen_ai_operation_name", "chat", "gen_ai_provider_name", "upstage",
                "gen_ai_request_model", "solar-pro4", "gen_ai_token_type", "input")).isEqualTo(1000);
        assertThat(scrape.value("gen_ai_client_token_usage_bucket", "gen_ai_token_type", "output", "le", "256.0")).isEqualTo(1);
        assertThat(scrape.value("gen_ai_client_operation_duration_seconds_count", "gen_ai_operation_name", "chat", "error_type", "none")).isEqualTo(1);
        assertThat(scrape.value("gen_ai_client_operation_duration_seconds_bucket", "le", "81.92")).isEqualTo(1);
        assertThat(scrape.value("gen_ai_client_operation_time_to_first_chunk_seconds_count", "gen_ai_request_model", "solar-pro4")).isEqualTo(1);
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void whatIsSpentIsRecordedByDayModelAccountAndKey() throws Exception {
        start();
        simulator.always(Call.CHAT, chat(1000, 0, 0));

        generate("hi");
        generate("hi");
        template().request("direct:generate", exchange -> {
            exchange.getMessage().setBody("hi");
            exchange.setVariable(Account.VARIABLE, "own");
        });

        await().until(() -> spent().size() == 2);
        assertThat(spent()).containsOnlyKeys(new Item(Spending.today(), "upstage", "solar-pro4", "", "ab12", "USD"),
                new Item(Spending.today(), "upstage", "solar-pro4", "own", "cd34", "USD"));
        assertThat(spent().values()).extracting(Sum::requests).containsExactlyInAnyOrder(2L, 1L);
        captured.chunks.clear();
        stop();
        start();
        generate("hi");
        stop();
        assertThat(spent().values()).as("written at the stop").extracting(sum -> sum.amount().toPlainString()).containsExactlyInAnyOrder("0.003", "0.001");
        captured.chunks.clear();
    }

    @Test
    void eachModelThatWasTriedHasItsOwnCost() throws Exception {
        start("bactrian.emit.chunk", "", "bactrian.replicate.poll-max-attempts", "2");
        simulator.on(Call.CREATE, created()).always(Call.POLL,
                Reply.json(200, "{\"id\":\"p1\",\"status\":\"processing\",\"metrics\":{\"predict_time\":2}}"));
        simulator.on(Call.CHAT, chat(1000, 400, 100));

        JsonNode result = generate("{\"model\": \"gemma-2b\", \"prompt\": \"hi\", \"fallback\": [\"solar-pro4\"], \"fallback-after-paid\": true}");

        assertThat(result.at("/attempts/0/cost").toString()).isEqualTo("{\"amount\":1,\"currency\":\"USD\",\"basis\":\"time\"}");
        assertThat(result.at("/attempts/1/cost/amount").decimalValue()).isEqualTo("0.0018");
        assertThat(result.at("/cost/amount").decimalValue()).isEqualTo("1.0018");
        await().until(() -> spent().size() == 2);
    }

    @Test
    void aModelWithoutAPriceHasNoCostAndLeavesNoRecord() throws Exception {
        start();

        assertThat(generate("{\"model\": \"solar-pro3\", \"prompt\": \"hi\"}").has("cost")).isFalse();

        stop();
        assertThat(folder.resolve("data/costs")).doesNotExist();
        captured.chunks.clear();
    }

    @Test
    void aPredictionCostsTheTimeThatItRanEvenIfItFails() throws Exception {
        start();
        simulator.on(Call.CREATE, created(), created()).on(Call.POLL,
                Reply.json(200, "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": [\"a\"], \"metrics\": {\"predict_time\": 1.5}}"),
                Reply.json(200, "{\"id\": \"p1\", \"status\": \"failed\", \"error\": \"no\", \"metrics\": {\"predict_time\": 0.5}}"));

        assertThat(cost(generate("{\"model\": \"gemma-2b\", \"prompt\": \"hi\"}")))
                .isEqualTo("{\"amount\":0.75,\"currency\":\"USD\",\"basis\":\"time\"}");
        assertThat(cost(generateFails("{\"model\": \"gemma-2b\", \"prompt\": \"hi\"}"))).contains("0.25", "time");
        stop();
        assertThat(spent().values()).extracting(sum -> sum.amount().toPlainString()).containsExactly("1.00");
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void aPredictionThatIsGivenUpCostsTheTimeThatItWasSeenToRun() throws Exception {
        start("bactrian.replicate.poll-max-attempts", "3", "bactrian.replicate.poll-delay", "50ms");
        simulator.on(Call.CREATE, created()).always(Call.POLL, poll("processing"));

        JsonNode error = generateFails("{\"model\": \"gemma-2b\", \"prompt\": \"hi\"}");

        double seconds = error.path("prediction").path("predictMs").asLong() / 1000.0;
        assertThat(error.path("cost").path("amount").asDouble()).isEqualTo(seconds * 0.5).isPositive();
    }

    @Test
    void imagesCostEachAndCountedTokensOfAPredictionCost() throws Exception {
        start();
        simulator.on(Call.CREATE, created(), created()).on(Call.POLL,
                Reply.json(200, "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": [\"https://a/1.png\", \"https://a/2.png\"]}"),
                Reply.json(200, "{\"id\": \"p1\", \"status\": \"succeeded\", \"output\": [\"a\"], "
                        + "\"metrics\": {\"input_token_count\": 1000, \"output_token_count\": 500}}"));

        assertThat(cost(generate("{\"model\": \"sd-3\", \"prompt\": \"hi\"}"))).contains("0.5", "outputs");
        assertThat(cost(generate("{\"model\": \"meta/meta-llama-3-8b-instruct\", \"prompt\": \"hi\"}"))).contains("0.004", "tokens");
        assertThat(takeChunks()).isEqualTo("a");
    }

    @Test
    void aChatThatBreaksOffCostsWhatCameByAnEstimate() throws Exception {
        start(Property.RETRY_MAX_ATTEMPTS.key(), "0");
        simulator.on(Call.CHAT, Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"), Reply.status(503));

        JsonNode error;
        try (CapturedLog log = new CapturedLog()) {
            error = generateFails("{\"prompt\": \"twelve bytes\"}");
            assertThat(log.lines("failed, solar-pro4")).singleElement().asString().contains(", 0.000014 USD: stream-interrupted");
        }

        assertThat(cost(error)).isEqualTo("{\"amount\":0.000014,\"currency\":\"USD\",\"basis\":\"tokens\",\"estimated\":true}");
        assertThat(generateFails("hi").has("cost")).as("of a chat that was not answered").isFalse();
        assertThat(takeChunks()).isEqualTo("a");
    }
}
