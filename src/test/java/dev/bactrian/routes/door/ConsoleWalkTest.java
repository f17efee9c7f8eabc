package dev.bactrian.routes.door;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.config.Property;
import dev.bactrian.console.Console;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.support.Chromium;
import dev.bactrian.support.Tab;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.main.Main;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** A person's walk through the page of the console, in a browser, while clients use the door. */
@Timeout(180)
@ExtendWith(Chromium.Installed.class)
class ConsoleWalkTest extends DoorTestSupport {

    private static final String CONSOLE = Property.HTTP_CONSOLE.key();
    private static final String LIVE = "document.querySelector('#connection').dataset.state === 'live'";

    /** A destination that is down at first. */
    public static final class Destination {

        private final Queue<String> delivered = new ConcurrentLinkedQueue<>();
        private volatile boolean isUp;

        /** Takes a result, or fails. */
        public void take(String result) {
            if (!isUp) {
                throw new IllegalStateException("down");
            }
            delivered.add(result);
        }
    }

    private final Destination destination = new Destination();
    private Tab tab;

    @Override
    protected Simulator simulator() {
        return Simulator.builder().pause(Duration.ofMillis(60)).start();
    }

    @Override
    protected void configure(Main main) throws Exception {
        super.configure(main);
        main.bind(Console.SIMULATOR, simulator.url());
        main.bind("destination", destination);
    }

    @BeforeEach
    void openTab(Chromium chromium) {
        tab = chromium.open();
    }

    @AfterEach
    void closeTab() {
        List<String> messages = tab.messages();
        tab.close();
        assertThat(messages).as("the browser's console").isEmpty();
    }

    private void openPage(String... properties) throws Exception {
        open(Stream.concat(Stream.of(CONSOLE, "full"), Stream.of(properties)).toArray(String[]::new));
        tab.go(url("/").toString()).until(LIVE);
    }

    private CompletableFuture<HttpResponse<String>> ask(String id, String model, String prompt) {
        String body = JsonNodeFactory.instance.objectNode().put("id", id).put("model", model).put("prompt", prompt).toString();
        return http.sendAsync(request("/requests").header("Content-Type", "application/json").POST(BodyPublishers.ofString(body)).build(), BodyHandlers.ofString());
    }

    /** A chat that stops in the middle, with the connection open. */
    private static Reply endless(String... pieces) {
        return Reply.rawStream(Stream.of(pieces).map(piece -> "data: {\"choices\":[{\"delta\":{\"content\":\"" + piece + "\"}}]}\n\n")
                .collect(Collectors.joining())).thenHang();
    }

    /** The row of a request, as an expression. */
    private static String row(String list, String id) {
        return "[...document.querySelectorAll('" + list + " tbody tr')].find(tr => tr.querySelector('.toggle')?.innerText === '" + id + "')";
    }

    private void until(String list, String id, String text) {
        tab.until(row(list, id) + "?.innerText.includes('" + text + "')");
    }

    @Test
    void anAnswerIsSeenStreamingAndThenDone() throws Exception {
        openPage();
        tab.see("#target", "Simulator " + simulator.url());

        CompletableFuture<HttpResponse<String>> answer = ask("greeting", "solar-mini4", "Why does a camel have humps?");
        until("#now", "greeting", "streaming");
        until("#now", "greeting", "You asked");
        tab.eval(row("#now", "greeting") + ".querySelector('.toggle').click()");
        tab.until("document.querySelector('pre.text')?.innerText.length > 10");
        assertThat(answer).as("the answer is not complete yet").isNotDone();
        String text = json(answer.join()).path("text").asText();

        until("#done", "greeting", "succeeded");
        until("#done", "greeting", "USD");
        tab.see("#done pre.text", text).see("#now-none", "No request is in work.");
    }

    @Test
    void aPictureIsSeen() throws Exception {
        openPage();

        ask("camel", "sd-3", "a camel with two humps").join();

        until("#done", "camel", "succeeded");
        tab.until("document.querySelector('#done .thumbs img')?.naturalWidth > 0");
        tab.click("#as-gallery").until("document.querySelector('#gallery img')?.naturalWidth > 0");
    }

    @Test
    void aPictureInsideTheResultIsSeenInItsDetails() throws Exception {
        openPage(Property.IMAGES.key(), "inline", Property.IMAGES_HOSTS.key(), "127.0.0.1");

        String url = json(ask("camel", "sd-3", "a camel with two humps").join()).path("images").get(0).path("url").asText();
        assertThat(url).startsWith("data:image/");
        until("#done", "camel", "succeeded");

        tab.click("#done .toggle").until("document.querySelector('#done .detail img')?.naturalWidth > 0");
    }

    @Test
    void cancelEndsTheRequestAtTheProvider() throws Exception {
        openPage();
        simulator.on(Call.CHAT, endless("one ", "two "));

        CompletableFuture<HttpResponse<String>> answer = ask("endless", "solar-mini4", "Count.");
        until("#now", "endless", "one two");
        tab.click("#now .cancel");

        until("#done", "endless", "cancelled");
        assertThat(json(answer.join()).path("error").path("type").asText()).isEqualTo("stream-interrupted");
        await().until(() -> simulator.clientAborts() == 1);
    }

    @Test
    void aFailureIsExplainedAndSentAgain() throws Exception {
        openPage();
        simulator.on(Call.CHAT, Reply.json(400, "{\"error\": {\"message\": \"no such thing\"}}"));

        ask("refused", "solar-mini4", "Why?").join();
        until("#done", "refused", "provider-rejected");
        tab.click("#done .toggle").see("#done .failure", "no such thing").see("#done .detail .buttons", "Send again");
        tab.click("#done .detail .buttons button");

        tab.until("[...document.querySelectorAll('#done .state')].some(state => state.innerText === 'succeeded')");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(2);
        assertThat(captured.results.remove().json().path("text").asText()).contains("Why?");
    }

    @Test
    void tryItShowsTheAnswerAndTheSameRequestElsewhere() throws Exception {
        openPage();
        tab.click("#to-try").until("document.querySelector('#ask-model option[value=\"solar-mini4\"]')");
        tab.eval("document.querySelector('#ask-model').value = 'solar-mini4'");
        tab.click("#ask-prompt").press("End").type(" It's a {{riddle}}.").click("#ask-send");

        tab.see("#answer-state", "arriving").see("#answer", "You asked");
        tab.see("#answer-state", "complete: solar-mini4").see("#answer", "It's a {{riddle}}.");

        PluginHelper.getRoutesLoader(context()).loadRoutes(ResourceHelper.fromString("same.camel.yaml",
                "- route:\n    from:\n      uri: direct:same\n      steps:\n" + tab.text("#as-yaml").indent(8)));
        JsonNode bySteps = ProviderJson.json(template().requestBody("direct:same", "", String.class)).orElseThrow();
        JsonNode byFile = generate(tab.text("#as-file"));
        assertThat(List.of(bySteps, byFile)).allSatisfy(result -> {
            assertThat(result.path("text").asText()).contains("Why does a camel have humps? It's a {{riddle}}.");
            assertThat(result.path("model").asText()).isEqualTo("solar-mini4");
        });
    }

    @Test
    void theCurlCommandSendsTheSameRequest() throws Exception {
        openPage();
        tab.click("#to-try").click("#ask-prompt").press("End").type(" It's a \"riddle\".");
        tab.see("#as-curl", "riddle");

        Process shell = new ProcessBuilder("sh", "-c", "command -v curl > /dev/null || exit 127; " + tab.text("#as-curl")).start();
        String said = new String(shell.getInputStream().readAllBytes(), UTF_8);
        assumeTrue(shell.waitFor() != 127, "curl is not installed");

        assertThat(said).contains("event: chunk", "event: result").contains("Why does a camel have humps? It's a \\\"riddle\\\".");
    }

    @Test
    void aPictureIsTried() throws Exception {
        openPage();
        tab.click("#to-try").until("document.querySelector('#ask-model option[value=\"stability-ai/stable-diffusion-3\"]')");
        tab.eval("document.querySelector('#ask-model').value = 'stability-ai/stable-diffusion-3'");
        tab.click("#ask-send");

        tab.until("document.querySelector('#answer img')?.naturalWidth > 0").see("#answer-state", "complete: stability-ai/stable-diffusion-3");
    }

    @Test
    void healthShowsFiguresSpendingAndProviders() throws Exception {
        openPage(Property.BUDGET_DAY.key(), "1 USD", Property.UPSTAGE_API_KEY.key(), "up_canary_key_3f9a");
        ask("greeting", "solar-mini4", "Hello").join();
        tab.click("#to-health");

        tab.see("#providers", "upstage is reachable").see("#providers", "…3f9a").see("#spent", "bactrian.budget.day").see("#spent", "solar-mini4");
        tab.until("document.querySelector('#charts svg').getAttribute('aria-label').includes('This minute: 1 request, 0 errors')"
                + " || document.querySelector('#charts svg').getAttribute('aria-label').includes('The most: 1 request')");
        assertThat(tab.eval("document.documentElement.outerHTML").asText()).doesNotContain("canary");
    }

    @Test
    void aDeadLetterIsSentBack() throws Exception {
        openPage(Property.JMS_ENABLED.key(), "true", Property.JMS_DELIVERY_ATTEMPTS.key(), "1", Property.EMIT_RESULT.key(), "bean:destination");
        template().sendBody(context().getComponent("jms", JmsComponent.class).createEndpoint("jms:queue:bactrian.requests"),
                "{\"id\": \"cat\", \"prompt\": \"hi\"}");

        tab.click("#to-health").see("#letters", "cat").see("#letters", "not delivered in 1 tries").see("#depths", "bactrian.dead");
        tab.click("#letters summary").see("#letters pre", "\"id\":\"cat\"");
        destination.isUp = true;
        tab.click("#letters button").see("#note", "cat is sent back").see("#letters", "No dead letters");
        await().until(() -> destination.delivered.size() == 1);
    }

    @Test
    void aThousandRequestsAreListed() throws Exception {
        openPage();
        simulator.always(Call.CHAT, Reply.stream("Two humps."));

        IntStream.range(0, 1000).parallel().forEach(i -> generate("{\"id\": \"r-" + i + "\", \"prompt\": \"Why?\"}"));

        tab.until("document.querySelectorAll('#done tbody tr').length === 1000").see("#done-count", "the last 1,000");
        tab.click("#done .toggle").press("End").until("document.activeElement.closest('tr').nextElementSibling === null");
        tab.click("#find-text").type("r-77").see("#found", "11 requests found");
        takeChunks();
    }

    @Test
    void hostileTextOfAProviderIsShownAsText() throws Exception {
        openPage();
        String hostile = "<script>alert(1)</script><img src=x onerror=alert(1)> \u001b[31m \u202edesrever ";
        simulator.on(Call.CHAT, Reply.stream(hostile, "x".repeat(1_000_000)));

        ask("hostile", "solar-mini4", "<b>bold</b>").join();

        until("#done", "hostile", "succeeded");
        tab.click("#done .toggle").see("#done pre.text", "<script>alert(1)</script><img src=x onerror=alert(1)> \u241b[31m [U+202E]desrever xxx")
                .see("#done .detail", "<b>bold</b>");
        assertThat(tab.eval("document.querySelectorAll('#done script, #done img, #done td b').length").asInt()).isZero();
        assertThat(tab.size(360, 740).eval("document.documentElement.scrollWidth").asInt()).isLessThanOrEqualTo(360);
    }

    @Test
    void theKeyOfAnAdministratorIsAskedFor() throws Exception {
        open(CONSOLE, "full", Property.HTTP_ADMIN_KEYS.key(), "ops=canary-of-ops", Property.HTTP_API_KEYS.key(), "team=canary-of-team");
        tab.go(url("/").toString()).see("#key", "This service is open to callers with a key only.");
        tab.click("#key-field").type("canary-of-team").press("Enter").see("#key", "That key does not open the console");
        tab.click("#key-field").type("canary-of-ops").press("Enter").until(LIVE);
        tab.click("#to-try").click("#ask-send").see("#answer-state", "complete: solar-pro4");
        tab.see("#as-curl", "Bearer $BACTRIAN_KEY");

        assertThat(tab.eval("document.documentElement.outerHTML").asText()).doesNotContain("canary");
        assertThat(tab.messages()).allMatch(message -> message.contains("401") || message.contains("403"));
        tab.forgetMessages();
    }

    @Test
    void readersSeeAndDoNotAct() throws Exception {
        open(CONSOLE, "read");
        tab.go(url("/").toString()).until(LIVE);
        simulator.on(Call.CHAT, endless("one ", "two "));
        CompletableFuture<HttpResponse<String>> answer = ask("endless", "solar-mini4", "Count.");

        until("#now", "endless", "one two");
        assertThat(tab.eval("[...document.querySelectorAll('button')].some(b => b.checkVisibility() && b.innerText === 'Cancel')").asBoolean()).isFalse();
        assertThat(tab.eval("document.querySelector('#to-try').checkVisibility()").asBoolean()).isFalse();
        answer.cancel(true);
    }

    /** The two pictures of the README, with the simulator's data. */
    @Test
    void showsItselfInTwoScreenshots() throws Exception {
        openPage(Property.BUDGET_DAY.key(), "1 USD", Property.REPLICATE_POLL_DELAY.key(), "400ms");
        String[] questions = {"Why does a camel have humps?", "Which camels have one hump?", "How far does a caravan go in a day?", "Name three deserts."};
        for (int i = 0; i < 5; i++) {
            Stream.of(ask("greeting-" + i, "solar-mini4", questions[i % 4]),
                    ask("camel-" + i, "sd-3", "a camel with two humps, at " + (4 + i) + " o'clock"),
                    ask("haiku-" + i, "gemma-2b", "A haiku about a long road")).forEach(CompletableFuture::join);
        }
        ask("unknown", "solar-ultra", "Hello").join();
        simulator.always(Call.POLL, Reply.prediction("processing", "null"));
        simulator.on(Call.CHAT, endless("A Bactrian camel has two humps, ", "and they hold fat: "));
        CompletableFuture<?> humps = ask("humps", "solar-mini4", questions[0]);
        until("#now", "humps", "hold fat");
        simulator.on(Call.CHAT, endless("The Gobi, the Karakum, ", "the Taklamakan"));
        List<CompletableFuture<?>> held = List.of(humps, ask("caravan", "sd-3", "a caravan at night"), ask("deserts", "solar-mini4", questions[3]));
        until("#now", "deserts", "Taklamakan");
        until("#now", "caravan", "running");
        tab.size(1280, 720).until("[...document.querySelectorAll('#done .thumbs img')].every(img => img.naturalWidth > 0)");
        screenshot("console-requests");
        simulator.reset();
        tab.media("dark").click("#to-try").until("document.querySelector('#ask-model option[value=\"stability-ai/stable-diffusion-3\"]')");
        tab.eval("document.querySelector('#ask-model').value = 'stability-ai/stable-diffusion-3'; document.querySelector('#ask-prompt').value = ''");
        tab.click("#ask-prompt").type("a camel with two humps, in the evening").click("#ask-send");
        tab.until("document.querySelector('#answer img')?.naturalWidth > 0").see("#answer-state", "complete");
        screenshot("console-try");
        held.forEach(answer -> answer.cancel(true));
    }

    private void screenshot(String name) throws IOException {
        Path file = Path.of("target", name + ".png");
        tab.screenshot(file);
        assertThat(file).isRegularFile();
        assertThat(Files.size(file)).as("bytes of %s", name).isBetween(10_000L, 150_000L);
    }
}
