package dev.bactrian.routes.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.generate.Account;
import dev.bactrian.ledger.Spending;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.apache.camel.main.Main;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What was spent, asked for over HTTP, and accounts that have the name of a key. */
@Timeout(60)
class CostDoorTest extends DoorTestSupport {

    private static final String CHATS = "/v1/chat/completions";
    private static final String CHAT = "{\"model\":\"solar-pro4\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    private static final String[] BOSS = {"Authorization", "Bearer kc"};
    private static final String[] TEAM = {"Authorization", "Bearer ka"};
    private static final String[] OTHER = {"Authorization", "Bearer kb"};
    /** 1,000 tokens of a prompt, which cost 0.001. */
    private static final Reply ANSWER = Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n"
            + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":0}}\n\ndata: [DONE]\n\n");

    private final Account team = new Account();

    @Override
    protected void configure(Main main) throws Exception {
        super.configure(main);
        team.setUpstageApiKey("up_a-key-of-the-team-cd34");
        main.bind("team-a", team);
    }

    private void openPriced(String... more) throws Exception {
        String catalogue = """
                extends: classpath:bactrian/models.yaml
                providers:
                  upstage:
                    models:
                      - {id: solar-pro4, price: {input: 1, output: 10}}
                  replicate:
                    models:
                      - {id: google-deepmind/gemma-2b-it, kind: text, version: v1, aliases: [gemma-2b], price: {per-second: 0.5}}
                """;
        String[] all = Arrays.copyOf(more, more.length + 8);
        System.arraycopy(new String[] {"bactrian.models", "file:" + Files.writeString(folder.resolve("models.yaml"), catalogue),
            "bactrian.upstage.api-key", "up_a-key-of-the-tests-ab12", "bactrian.http.api-keys", "team-a=ka,other=kb",
            "bactrian.http.admin-keys", "boss=kc"}, 0, all, more.length, 8);
        open(all);
        simulator.always(Call.CHAT, ANSWER);
    }

    /** Budgets in the smallest room: the first request is a guess and passes, and spends it all. */
    private void openSpent() throws Exception {
        openPriced("bactrian.budget.day", "0.0005 USD");
        assertThat(post(CHATS, CHAT, OTHER).statusCode()).isEqualTo(200);
    }

    private JsonNode costs(String query, String... headers) throws Exception {
        HttpResponse<String> response = get("/costs" + query, headers);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return json(response);
    }

    @Test
    void answersHaveTheirCost() throws Exception {
        openPriced();

        String cost = "{\"amount\":0.001,\"currency\":\"USD\",\"basis\":\"tokens\"}";
        assertThat(json(post(CHATS, CHAT, OTHER)).path("cost").toString()).isEqualTo(cost);
        assertThat(json(post("/requests", "{\"prompt\":\"hi\"}", OTHER)).path("cost").toString()).isEqualTo(cost);
        String stream = CHAT.replace("{\"model\"", "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\"");
        assertThat(events(post(CHATS, stream, OTHER).body().lines())).last().satisfies(chunk -> assertThat(chunk.path("cost").toString()).isEqualTo(cost));
        JsonNode images = json(post("/v1/images/generations", "{\"prompt\":\"a cat\",\"model\":\"flux-schnell\"}", OTHER));
        assertThat(images.at("/cost/basis").asText()).isEqualTo("outputs");
        assertThat(images.at("/cost/amount").decimalValue()).isEqualTo("0.003");
    }

    @Test
    void answersHaveTheModelsThatWereTried() throws Exception {
        openPriced("bactrian.retry.max-attempts", "0");
        String chat = CHAT.replace("{\"model\"", "{\"fallback\":[\"solar-mini4\"],\"model\"");
        simulator.on(Call.CHAT, Reply.status(503), ANSWER, Reply.status(503), ANSWER, Reply.status(503), Reply.status(503));

        JsonNode whole = json(post(CHATS, chat, OTHER));
        JsonNode document = json(post("/requests", chat, OTHER));
        HttpResponse<String> failed = post("/requests", chat, OTHER);

        for (JsonNode answer : new JsonNode[] {whole, document}) {
            assertThat(answer.path("model").asText()).isEqualTo("solar-mini4");
            assertThat(answer.path("attempts")).extracting(attempt -> attempt.path("model").asText()).containsExactly("solar-pro4", "solar-mini4");
            assertThat(answer.at("/cost/amount").decimalValue()).isEqualTo("0.0001");
        }
        assertThat(failed.statusCode()).isEqualTo(503);
        assertThat(json(failed).path("attempts")).hasSize(2);
    }

    @Test
    void refusesWhatABudgetHasNoRoomForAndSaysWhenToTryAgain() throws Exception {
        openSpent();

        for (HttpResponse<String> response : List.of(post(CHATS, CHAT, OTHER), post(CHATS, CHAT.replace("{\"model\"", "{\"stream\":true,\"model\""), OTHER),
                post("/v1/images/generations", "{\"prompt\":\"a cat\",\"model\":\"flux-schnell\"}", OTHER), post("/requests", "{\"prompt\":\"hi\"}", OTHER),
                post("/requests", "{\"prompt\":\"hi\"}", "Authorization", "Bearer kb", "Accept", "text/event-stream"))) {
            assertThat(response.statusCode()).as(response.body()).isEqualTo(429);
            assertThat(json(response).at("/error/type").asText()).isEqualTo("budget-exceeded");
            assertThat(json(response).at("/error/message").asText()).contains("bactrian.budget.day: ");
            assertThat(Integer.parseInt(response.headers().firstValue("Retry-After").orElseThrow())).isPositive();
        }
        assertThat(simulator.count(Call.CHAT)).isEqualTo(1);
        assertThat(simulator.count(Call.CREATE)).isZero();
        HttpResponse<String> batch = http.send(request("/requests", OTHER).header("Content-Type", "application/x-ndjson")
                .POST(BodyPublishers.ofString("{\"prompt\":\"hi\"}\n")).build(), BodyHandlers.ofString());
        assertThat(batch.body()).contains("budget-exceeded");
    }

    @Test
    void limitsTheAccountThatHasTheNameOfAKey() throws Exception {
        team.setBudgetDay("0.0005 USD");
        openPriced();
        assertThat(post(CHATS, CHAT, TEAM).statusCode()).isEqualTo(200);

        HttpResponse<String> refused = post(CHATS, CHAT, TEAM);

        assertThat(refused.statusCode()).isEqualTo(429);
        assertThat(json(refused).at("/error/message").asText()).contains("of account team-a");
        assertThat(post(CHATS, CHAT, OTHER).statusCode()).isEqualTo(200);
    }

    @Test
    void usesTheModelOfTheAccountAndReadsItsChatsAsChats() throws Exception {
        team.setModel("solar-mini");
        team.setInput("text");
        openPriced();

        JsonNode completion = json(post(CHATS, "{\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},{\"role\":\"user\",\"content\":\"hi\"}],\"temperature\":0.5}", TEAM));

        assertThat(completion.path("model").asText()).isEqualTo("solar-mini");
        JsonNode sent = simulator.requests(Call.CHAT).get(0).json();
        assertThat(sent.path("model").asText()).isEqualTo("solar-mini");
        assertThat(sent.path("messages")).hasSize(2);
        assertThat(sent.path("temperature").asDouble()).isEqualTo(0.5);
    }

    @Test
    void callsWithTheKeyAndTheModelsOfTheAccountThatHasTheNameOfAKey() throws Exception {
        team.setModelsAllowed("solar-pro4, flux-schnell");
        openPriced();

        post(CHATS, CHAT, TEAM);
        post(CHATS, CHAT, OTHER);
        post("/requests", "{\"id\":\"later\",\"prompt\":\"hi\"}", "Authorization", "Bearer ka", "Prefer", "respond-async");
        await().until(() -> simulator.count(Call.CHAT) == 3);

        assertThat(simulator.requests(Call.CHAT)).extracting(call -> call.header("Authorization"))
                .containsExactly("Bearer up_a-key-of-the-team-cd34", "Bearer up_a-key-of-the-tests-ab12", "Bearer up_a-key-of-the-team-cd34");
        assertThat(json(get("/v1/models", TEAM)).path("data")).extracting(model -> model.path("id").asText())
                .containsExactly("solar-pro4", "black-forest-labs/flux-schnell");
        assertThat(json(get("/v1/models", OTHER)).path("data").size()).isGreaterThan(5);
        assertThat(get("/v1/models/solar-pro4", TEAM).statusCode()).isEqualTo(200);
        assertThat(get("/v1/models/gemma-2b", TEAM).statusCode()).isEqualTo(404);
        assertThat(get("/v1/models/google-deepmind/gemma-2b-it", OTHER).statusCode()).isEqualTo(200);
        assertThat(post(CHATS, CHAT.replace("solar-pro4", "gemma-2b"), TEAM).statusCode()).isEqualTo(404);
        assertThat(post("/v1/images/generations", "{\"prompt\":\"a cat\",\"model\":\"sd-3\"}", TEAM).statusCode()).isEqualTo(404);
        assertThat(post("/requests", "{\"prompt\":\"a cat\",\"model\":\"sd-3\"}", TEAM).statusCode()).isEqualTo(404);
        assertThat(simulator.count(Call.CREATE)).isZero();
    }

    @Test
    void showsWhatAllHaveSpentToAnAdministrator() throws Exception {
        openPriced("bactrian.budget.day", "1 USD");
        post(CHATS, CHAT, OTHER);
        post(CHATS, CHAT, OTHER);
        post(CHATS, CHAT, TEAM);

        await("recorded once a second").until(() -> costs("", BOSS).at("/totals/0/requests").asInt() == 3);
        JsonNode all = costs("", BOSS);

        String today = Spending.today().toString();
        assertThat(all.path("sums")).hasSize(2);
        assertThat(all.at("/sums/0").toString()).isEqualTo("{\"day\":\"" + today
                + "\",\"provider\":\"upstage\",\"model\":\"solar-pro4\",\"account\":\"\",\"key\":\"ab12\",\"requests\":2,\"amount\":0.002,\"currency\":\"USD\"}");
        assertThat(all.at("/totals").toString()).isEqualTo("[{\"requests\":3,\"amount\":0.003,\"currency\":\"USD\"}]");
        assertThat(all.at("/budgets").toString()).isEqualTo("[{\"name\":\"bactrian.budget.day\",\"percent\":0,\"spent\":0.003,\"limit\":1,\"inWork\":0,\"currency\":\"USD\"}]");
        assertThat(costs("?days=" + today, BOSS).path("sums")).hasSize(2);
        assertThat(costs("?days=" + today.substring(0, 7) + "&x=y", BOSS).path("sums")).hasSize(2);
        assertThat(costs("?days=1999", BOSS).path("sums")).isEmpty();
    }

    @Test
    void showsACallerWhatItsOwnAccountHasSpent() throws Exception {
        team.setBudgetDay("2 USD");
        openPriced("bactrian.budget.day", "1 USD");
        post(CHATS, CHAT, OTHER);
        post(CHATS, CHAT, TEAM);

        await("recorded once a second").until(() -> costs("", BOSS).at("/totals/0/requests").asInt() == 2);
        JsonNode own = costs("", TEAM);

        assertThat(own.path("sums")).singleElement().satisfies(sum -> assertThat(sum.path("account").asText()).isEqualTo("team-a"));
        assertThat(own.at("/totals/0/amount").decimalValue()).isEqualTo("0.001");
        assertThat(own.path("budgets")).singleElement().satisfies(budget -> assertThat(budget.path("name").asText()).isEqualTo("bactrian.budget.day of account team-a"));
    }

    @Test
    void refusesCallersWithoutAnAccountAndWhatIsNoDay() throws Exception {
        openPriced();

        assertThat(get("/costs").statusCode()).isEqualTo(401);
        HttpResponse<String> other = get("/costs", OTHER);
        assertThat(other.statusCode()).isEqualTo(403);
        assertThat(json(other).at("/error/type").asText()).isEqualTo("forbidden");
        for (String days : new String[] {"november", "2026-1", "2026-11-27-01", "..%2F", "2026&days=2025", "%25"}) {
            HttpResponse<String> response = get("/costs?days=" + days, BOSS);
            assertThat(response.statusCode()).as("%s", days).isEqualTo(400);
        }
        assertThat(costs("?days=", BOSS).toString()).isEqualTo("{\"days\":\"\",\"sums\":[],\"totals\":[],\"budgets\":[]}");
    }
}
