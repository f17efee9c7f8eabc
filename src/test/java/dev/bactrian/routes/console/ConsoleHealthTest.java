package dev.bactrian.routes.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.StreamSupport;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.bactrian.config.Property;
import dev.bactrian.console.Console;
import dev.bactrian.generate.Account;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.apache.camel.Processor;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.console.DevConsole;
import org.apache.camel.console.DevConsoleRegistry;
import org.apache.camel.main.Main;
import org.apache.camel.util.json.JsonObject;
import org.junit.jupiter.api.Test;

/** The health that the console shows: providers, keys, breakers, budgets and queues; and its dev console. */
class ConsoleHealthTest extends RouteTestSupport {

    private static final List<String> KEYS = List.of(Property.HTTP_CONSOLE.key(), "full", Property.RETRY_MAX_ATTEMPTS.key(), "0",
            Property.RETRY_DELAY.key(), "1ms", Property.EMIT_CHUNK.key(), "");

    private final Account account = new Account();
    private final List<String> delivered = new CopyOnWriteArrayList<>();
    private volatile boolean isUp;

    @Override
    protected void configure(Main main) {
        account.setReplicateApiToken("r8_canary_of_the_account_77aa");
        account.setReplicateEndpoint(simulator.predictionsUrl() + "?secret=canary-of-the-url");
        main.bind("team-a", account);
        main.bind(Console.SIMULATOR, simulator.url());
        main.bind("shaky", (Processor) exchange -> {
            if (!isUp) {
                throw new IllegalStateException("the destination is down");
            }
            delivered.add(exchange.getMessage().getBody(String.class));
        });
    }

    private Console console() {
        return Console.of(context()).orElseThrow();
    }

    private JsonNode health() {
        return console().snapshot().path("health");
    }

    private static JsonNode named(JsonNode list, String field, String value) {
        return StreamSupport.stream(list.spliterator(), false).filter(one -> one.path(field).asText().equals(value)).findFirst()
                .orElseThrow(() -> new AssertionError("no " + value + " in " + list));
    }

    private JsonNode upstage() {
        return named(health().path("providers"), "name", "upstage");
    }

    @Test
    void showsProvidersAndTheirKeysWithoutTheKeys() throws Exception {
        start(KEYS, Property.UPSTAGE_API_KEY.key(), "up_canary_first_key_3f9a,up_canary_other_key_c07b");
        simulator.on(Call.CHAT, Reply.json(401, "{\"error\": {\"message\": \"bad key up_canary_first_key_3f9a\"}}"));

        generate("hi");

        await().until(() -> upstage().path("up").isBoolean());
        JsonNode upstage = upstage();
        assertThat(upstage.path("endpoint").asText()).isEqualTo(simulator.chatUrl());
        assertThat(upstage.path("simulator").asBoolean()).isTrue();
        assertThat(upstage.path("up").asBoolean()).isTrue();
        assertThat(upstage.path("message").asText()).startsWith("upstage is reachable");
        assertThat(upstage.path("keys").findValuesAsText("shown")).containsExactly("…3f9a", "…c07b");
        assertThat(StreamSupport.stream(upstage.path("keys").spliterator(), false).filter(key -> !key.path("up").asBoolean())).singleElement()
                .satisfies(key -> assertThat(key.path("reason").asText()).isEqualTo("401"));
        assertThat(named(health().path("providers"), "name", "replicate").path("keys").get(0).path("account").asText()).isEqualTo("team-a");
        assertThat(named(health().path("providers"), "name", "replicate").path("accounts").get(0).path("endpoint").asText())
                .isEqualTo(simulator.predictionsUrl() + "?secret=xxxxxx");
        assertThat(health().path("simulator").asBoolean()).isTrue();
        assertThat(health().has("queues")).isFalse();
        assertThat(console().snapshot().toString()).doesNotContain("canary");
    }

    @Test
    void showsABreakerThatIsOpen() throws Exception {
        start(KEYS, Property.CIRCUIT_BREAKER_CALLS.key(), "2");
        simulator.always(Call.CHAT, Reply.status(503));

        for (int i = 0; i < 3; i++) {
            generateFails("hi");
        }

        await().until(() -> upstage().path("breakers").path(0).path("state").asText().equals("open"));
        assertThat(upstage().path("breakers").get(0).path("model").asText()).isEqualTo("solar-pro4");
        assertThat(upstage().path("breakers").get(0).path("reason").asText()).contains("is open since");
    }

    @Test
    void showsWhatIsSpentBesideItsBudget() throws Exception {
        String catalogue = "extends: classpath:bactrian/models.yaml\nproviders:\n  upstage:\n    models:\n"
                + "      - {id: solar-pro4, price: {input: 1, output: 10}}\n";
        start(KEYS, Property.MODELS.key(), "file:" + Files.writeString(folder.resolve("models.yaml"), catalogue), Property.BUDGET_DAY.key(), "10 USD",
                Property.UPSTAGE_API_KEY.key(), "up_canary_key_3f9a");
        simulator.on(Call.CHAT, Reply.rawStream("data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n"
                + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100000,\"completion_tokens\":100000}}\n\ndata: [DONE]\n\n"));

        generate("{\"id\": \"dear\", \"prompt\": \"hi\"}");

        await().until(() -> health().path("spending").path("sums").size() == 1);
        JsonNode spending = health().path("spending");
        assertThat(spending.path("sums").get(0).path("amount").decimalValue()).isEqualByComparingTo("1.1");
        assertThat(spending.path("sums").get(0).path("key").asText()).isEqualTo("3f9a");
        assertThat(spending.path("sums").get(0).path("model").asText()).isEqualTo("solar-pro4");
        assertThat(spending.path("budgets").get(0).path("name").asText()).isEqualTo("bactrian.budget.day");
        assertThat(spending.path("budgets").get(0).path("limit").decimalValue()).isEqualByComparingTo("10");
        await().until(() -> health().path("spending").path("budgets").get(0).path("percent").asInt() == 11);
        assertThat(console().snapshot().path("done").get(0).path("cost").path("amount").decimalValue()).isEqualByComparingTo("1.1");
    }

    @Test
    void showsTheQueuesAndSendsADeadLetterBack() throws Exception {
        start(KEYS, Property.JMS_ENABLED.key(), "true", Property.JMS_DELIVERY_ATTEMPTS.key(), "1", Property.EMIT_RESULT.key(), "bean:shaky");
        var jms = context().getComponent("jms", JmsComponent.class).createEndpoint("jms:queue:bactrian.requests");
        template().sendBody(jms, "{\"id\": \"cat\", \"prompt\": \"hi\"}");
        await().until(() -> health().path("queues").path("deadLetters").size() == 1);

        JsonNode queues = health().path("queues");
        assertThat(named(queues.path("depths"), "use", "dead").path("depth").asInt()).isOne();
        assertThat(queues.path("depths").findValuesAsText("name"))
                .containsExactly("bactrian.requests", "bactrian.polls", "bactrian.deliveries", "bactrian.dead");
        JsonNode letter = queues.path("deadLetters").get(0);
        assertThat(letter.path("id").asText()).isEqualTo("cat");
        assertThat(letter.path("from").asText()).isEqualTo("bactrian.deliveries");
        assertThat(letter.path("reason").asText()).contains("not delivered in 1 tries");
        assertThat(letter.path("body").asText()).contains("\"id\":\"cat\"");

        assertThat(console().sendBack("ID:nothing-of-that-name")).isFalse();
        assertThat(console().sendBack("' OR 1=1 --")).isFalse();
        isUp = true;
        assertThat(console().sendBack(letter.path("message").asText())).isTrue();

        await().until(() -> delivered.size() == 1);
        assertThat(delivered.get(0)).contains("\"id\":\"cat\"");
        await().until(() -> health().path("queues").path("deadLetters").isEmpty());
        assertThat(simulator.count(Call.CHAT)).isOne();
    }

    @Test
    void isADevConsoleOfCamel() throws Exception {
        start(KEYS, "camel.main.dev-console-enabled", "true");
        generate("{\"id\": \"chat\", \"prompt\": \"hi\"}");

        DevConsole console = dev();

        JsonObject json = (JsonObject) console.call(DevConsole.MediaType.JSON);
        assertThat(new ObjectMapper().readTree(json.toJson()).path("done").path(0).path("id").asText()).isEqualTo("chat");
        assertThat((String) console.call(DevConsole.MediaType.TEXT)).contains("chat", "direct", "upstage", "solar-pro4", "succeeded");
    }

    @Test
    void theDevConsoleSaysThatItIsOff() throws Exception {
        start(KEYS, Property.HTTP_CONSOLE.key(), "off", "camel.main.dev-console-enabled", "true");

        assertThat(((JsonObject) dev().call(DevConsole.MediaType.JSON)).toJson()).isEqualTo("{\"mode\":\"off\"}");
        assertThat(dev().call(DevConsole.MediaType.TEXT)).isEqualTo("off");
    }

    private DevConsole dev() {
        return context().getCamelContextExtension().getContextPlugin(DevConsoleRegistry.class).resolveById("bactrian");
    }
}
