package dev.bactrian.console;

import static dev.bactrian.console.Played.answered;
import static dev.bactrian.console.Played.failed;
import static dev.bactrian.console.Played.json;
import static dev.bactrian.console.Played.pictured;
import static dev.bactrian.console.Played.working;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.support.Chromium;
import dev.bactrian.support.Tab;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The page in a browser, against events that a test says. */
@Tag("slow")
@Timeout(180)
@ExtendWith(Chromium.Installed.class)
class ConsolePageTest {

    private final ObjectNode snapshot = Played.snapshot();
    private final PlayedDoor door = new PlayedDoor(snapshot);
    private Tab tab;

    @BeforeEach
    void open(Chromium chromium) {
        tab = chromium.open();
    }

    @AfterEach
    void close() {
        List<String> messages = tab.messages();
        tab.close();
        door.close();
        assertThat(messages).as("the browser's console").isEmpty();
    }

    private ObjectNode add(String list, ObjectNode request) {
        snapshot.withArray(list).add(request);
        return request;
    }

    private Tab page(String view) {
        return tab.go(door.url() + view).until("document.querySelector('#connection').dataset.state === 'live'");
    }

    @Test
    void anAnswerIsSeenAsItStreams() {
        page("").see("#now-none", "No request is in work.");

        door.say("request", working(1, "greeting", "solar-pro4", "streaming"));
        tab.see("#now", "greeting").see("#now", "streaming");
        door.say("text", json("{'no': 1, 'id': 'greeting', 'at': 0, 'text': 'A camel '}"));
        tab.see("#now .c-text", "A camel");
        tab.click("#now .toggle");
        tab.see("#now pre.text", "A camel");
        door.say("text", json("{'no': 1, 'id': 'greeting', 'at': 8, 'text': 'has two humps.'}"));
        tab.see("#now pre.text", "A camel has two humps.");
        door.say("done", answered(1, "greeting", "A camel has two humps.", 0));

        tab.see("#done", "greeting").see("#done .state", "succeeded").see("#done pre.text", "A camel has two humps.");
        assertThat(tab.text("#done .c-work")).isEqualTo("13 + 35");
        assertThat(tab.text("#done .c-cost")).isEqualTo("0.00012 USD");
        assertThat(tab.eval("document.activeElement.closest('#done') !== null").asBoolean()).as("the focus went with the row").isTrue();
    }

    @Test
    void aPictureIsSeenInTheListAndTheGallery() {
        add("done", pictured(1, "camel", door.url() + "pictures/camel.png", 3));
        page("").until("document.querySelector('#done .thumbs img')?.naturalWidth === 256");

        tab.click("#as-gallery").until("document.querySelector('#gallery img')?.naturalWidth === 256");
        tab.click("#gallery button").until("document.querySelector('#done .detail img')?.naturalWidth === 256");
    }

    @Test
    void aPictureWithoutUrlIsTakenFromTheResult() {
        ObjectNode inside = add("done", pictured(1, "camel", "", 3));
        inside.putArray("images").addObject().put("bytes", 34_567);
        add("done", inside.deepCopy().put("no", 2).put("id", "from-a-file").put("from", "file"));
        door.document("/requests/camel", "{\"images\": [{\"url\": \"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='7' height='5'/>\"}]}");
        page("").see("#done", "from-a-file");

        tab.eval("document.querySelectorAll('.toggle').forEach(button => button.click())");

        tab.until("document.querySelector('#done .detail img')?.naturalWidth === 7").see("#done", "The picture (35 kB) is in the result.");
    }

    @Test
    void cancelSendsADeleteOfThatRequest() {
        add("requests", working(1, "a/b ü", "solar-pro4", "streaming"));
        page("").click("#now .cancel");

        tab.see("#note", "a/b ü is being cancelled");
        assertThat(door.calls()).containsExactly("DELETE /requests/a%2Fb%20%C3%BC");
        door.say("done", answered(1, "a/b ü", "", 0).put("outcome", "cancelled"));
        tab.see("#done .state", "cancelled").see("#now-none", "No request");
    }

    @Test
    void aFailureIsExplainedAndSentAgain() {
        add("done", failed(7, "limited", "rate-limited", "The service takes no more requests for now.", "429 Too Many Requests", 3));
        page("").see("#done .c-text", "rate-limited: The service takes no more requests for now.");

        tab.click("#done .toggle").see("#done .failure", "429 Too Many Requests").see("#done .failure", "trying again may help");
        tab.click("#done .detail .buttons button").see("#note", "limited is sent again");
        assertThat(door.calls()).containsExactly("POST /console/requests/7/again");
    }

    @Test
    void requestsAreFoundByIdModelAndState() {
        add("done", answered(1, "greeting", "Hello", 3));
        add("done", pictured(2, "camel", door.url() + "pictures/camel.png", 2));
        add("done", failed(3, "limited", "rate-limited", "No.", "429", 1));
        page("").see("#done-count", "the last 3");

        tab.click("#find-text").type("STABILITY").see("#found", "1 request found");
        assertThat(tab.eval("[...document.querySelectorAll('#done .toggle')].filter(b => b.checkVisibility()).map(b => b.innerText).join()").asText()).isEqualTo("camel");
        tab.eval("document.querySelector('#find-text').value = ''; const s = document.querySelector('#find-state'); s.value = 'failed'; s.dispatchEvent(new Event('input', {bubbles: true}))");
        tab.see("#found", "1 request found");
        assertThat(tab.eval("[...document.querySelectorAll('#done .toggle')].filter(b => b.checkVisibility()).map(b => b.innerText).join()").asText()).isEqualTo("limited");
    }

    @Test
    void tryItShowsTheAnswerArriving() {
        page("#try").click("#ask-prompt").press("End").type(" Briefly.").click("#ask-send");

        door.answerWith("chunk", "{\"text\": \"Fat \"}");
        tab.see("#answer", "Fat").see("#answer-state", "arriving");
        door.answerWith("chunk", "{\"text\": \"reserves.\"}");
        tab.see("#answer", "Fat reserves.");
        door.answerWith("result", "{\"id\":\"x\",\"status\":\"succeeded\",\"model\":\"solar-pro4\",\"kind\":\"text\",\"text\":\"Fat reserves.\","
                + "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":5},\"durationMs\":812}");
        tab.see("#answer-state", "complete: solar-pro4, 812 ms, 3 + 5 tokens");
        assertThat(door.body("POST /requests")).isEqualTo("{\"prompt\":\"Why does a camel have humps? Briefly.\"}");
    }

    @Test
    void theSameRequestIsShownInThreeForms() {
        page("#try").until("document.querySelectorAll('#ask-model option').length === 4");
        tab.eval("document.querySelector('#ask-model').value = 'solar-mini4'; const p = document.querySelector('#ask-prompt'); p.value = \"It's {{this}}\\n\\u0007\";"
                + " p.dispatchEvent(new Event('input', {bubbles: true}))");

        String body = "{\"model\":\"solar-mini4\",\"prompt\":\"It's {\\u007bthis}}\\n\\u0007\"}";
        tab.see("#as-curl", "-d '" + body.replace("'", "'\\''") + "'").see("#as-curl", "curl -N '" + door.url() + "requests'");
        tab.see("#as-yaml", "expression: '" + body.replace("'", "''") + "'").see("#as-yaml", "uri: direct:generate");
        tab.see("#as-file", "\"model\": \"solar-mini4\"");
    }

    @Test
    void healthNamesWhatIsWrongAndWhatWasSpent() {
        ObjectNode health = json("""
                {'simulator': false, 'providers': [{'name': 'upstage', 'endpoint': 'https://api.upstage.ai/v1/chat/completions', 'simulator': false, 'up': false,
                  'message': 'upstage answers 503', 'keys': [{'shown': '…3f9a', 'up': false, 'reason': '401'}],
                  'breakers': [{'model': 'solar-pro4', 'state': 'open', 'reason': 'open since 09:00'}]}],
                 'spending': {'day': '2026-11-27', 'sums': [{'provider': 'upstage', 'model': 'solar-mini4', 'account': '', 'key': '…3f9a', 'requests': 12,
                  'amount': 0.0031, 'currency': 'USD'}], 'budgets': [{'name': 'bactrian.budget.day', 'percent': 83, 'spent': 8.3, 'limit': 10, 'inWork': 0.4,
                  'currency': 'USD', 'words': '83 % spent (8.3 of 10 USD), about 0.4 USD more in work'}]},
                 'queues': {'up': true, 'depths': [{'name': 'bactrian.requests', 'use': 'requests', 'depth': 3}],
                  'deadLetters': [{'message': 'ID:5a1f', 'id': 'camel', 'reason': 'not JSON', 'from': 'bactrian.requests', 'at': '2026-11-27T09:00:00.000Z',
                   'body': 'not JSON at all'}]}}""");
        snapshot.set("health", health);
        snapshot.set("figures", Played.figures());
        page("#health").see("#providers", "down").see("#providers", "set aside").see("#providers", "open since 09:00");

        tab.see("#target", "https://api.upstage.ai").see("#spent", "83 % spent").see("#spent", "0.0031 USD").see("#queues", "bactrian.requests").see("#queues", "not JSON");
        assertThat(tab.text("#trouble")).isEqualTo("5");
        assertThat(tab.eval("document.querySelectorAll('#charts svg').length").asInt()).isEqualTo(3);
        tab.click("#queues li button").see("#note", "camel is sent back");
        assertThat(door.calls()).containsExactly("POST /console/dead-letters/ID%3A5a1f/back");
    }

    @Test
    void aLostConnectionIsSaidAndMendedWithoutAsking() {
        page("").see("#now-none", "No request is in work.");

        door.stop();
        tab.see("#lost", "The connection to the service is lost").see("#connection", "Connection lost");
        add("done", answered(4, "missed", "It went on.", 1));
        door.start();
        tab.see("#done", "missed").see("#connection", "Live");
        assertThat(tab.text("#lost")).isEmpty();
        assertThat(tab.messages()).allMatch(message -> message.contains("ERR_"));
        tab.forgetMessages();
    }

    @Test
    void theKeyIsAskedForAndForgottenWithTheTab() {
        door.lock("team-a-key");
        tab.go(door.url()).see("#key", "This service is open to callers with a key only.");
        tab.click("#key-field").type("schlüssel").press("Enter").see("#key", "A key is made of visible ASCII characters.");
        tab.click("#key-field").type("wrong").press("Enter").see("#key", "The service does not know that key.");
        tab.click("#key-field").type("team-a-key").press("Enter").see("#connection", "Live");

        assertThat(tab.eval("localStorage.length + document.cookie.length").asInt()).isZero();
        assertThat(tab.eval("document.documentElement.outerHTML.includes('team-a-key')").asBoolean()).isFalse();
        tab.click("#forget").see("#key", "The key is forgotten.");
        assertThat(tab.eval("sessionStorage.length").asInt()).isZero();
        assertThat(tab.messages()).allMatch(message -> message.contains("401"));
        tab.forgetMessages();
    }

    @Test
    void nothingThatActsIsShownToReaders() {
        snapshot.put("mode", "read");
        add("requests", working(1, "greeting", "solar-pro4", "streaming"));
        add("done", failed(2, "limited", "rate-limited", "No.", "429", 1));
        page("#try").see("#now", "greeting").see("#mode", "read only");

        tab.click("#done .toggle").see("#done .failure", "429");
        assertThat(tab.eval("[...document.querySelectorAll('button')].filter(b => b.checkVisibility()).map(b => b.innerText).join()").asText())
                .doesNotContain("Cancel").doesNotContain("again").doesNotContain("back");
        assertThat(tab.eval("document.querySelector('#to-try').checkVisibility()").asBoolean()).isFalse();
    }

    @Test
    void aThousandRequestsAreListedWithoutLag() {
        for (int i = 0; i < 1000; i++) {
            add("done", answered(5000 - i, "request-" + i, "A camel has two humps. ".repeat(170), i));
        }
        for (int i = 0; i < 300; i++) {
            add("requests", working(6000 + i, "now-" + i, "solar-pro4", "streaming").put("text", "A camel has two humps. ".repeat(20)));
        }
        snapshot.put("inWork", 300);
        tab.before("new PerformanceObserver(list => list.getEntries().forEach(e => (window.longTasks ??= []).push(Math.round(e.duration)))).observe({type: 'longtask', buffered: true})");
        String shown = "document.querySelectorAll('#done tbody tr').length === 1000 && document.querySelectorAll('#now tbody tr').length === 300";

        page("").until(shown);

        // One page at a time may be slowed down by what else this machine does.
        await("a page without a long task").atMost(Duration.ofSeconds(60)).until(() -> {
            tab.go(door.url()).until(shown);
            tab.click("#done .toggle").press("End");
            tab.until("document.activeElement.innerText === 'request-999'").press("PageUp", "ArrowUp").until("document.activeElement.innerText === 'request-983'");
            door.say("request", working(7000, "late", "solar-pro4", "streaming"));
            tab.click("#now-more button").see("#now", "late");
            tab.click("#find-text").type("request-77").see("#found", "11 requests found");
            return tab.eval("(window.longTasks ?? []).every(ms => ms <= 200)").asBoolean();
        });
    }

    @Test
    void noMoreThanAThousandAreKept() {
        for (int i = 0; i < 1000; i++) {
            add("done", answered(1000 - i, "request-" + i, "Two humps.", i));
        }
        page("").see("#done-count", "the last 1,000");

        door.say("request", working(2000, "new", "solar-pro4", "streaming"));
        door.say("done", answered(2000, "new", "Two humps.", 0));

        tab.see("#done tbody tr:first-child", "new").until("document.querySelector('#done tbody tr:last-child .toggle').textContent === 'request-998'");
        assertThat(tab.eval("document.querySelectorAll('#done tbody tr').length").asInt()).isEqualTo(1000);
    }

    @Test
    void oneChangeTouchesOneRowOfAThousand() {
        for (int i = 0; i < 1000; i++) {
            add("requests", working(1 + i, "now-" + i, "solar-pro4", "waiting").put("startedAt", Played.ago(Duration.ofHours(2))));
        }
        page("").until("document.querySelectorAll('#now tbody tr').length === 1000").see("#now-more", "Show all 1,000");
        tab.eval("window.touched = new Set(); new MutationObserver(all => all.forEach(m => touched.add((m.target.closest ?? (() => m.target.parentElement.closest('tr'))).call(m.target, 'tr') ?? m.target)))"
                + ".observe(document.querySelector('#now'), {subtree: true, childList: true, characterData: true, attributes: true})");

        door.say("text", json("{'no': 3, 'id': 'now-2', 'at': 0, 'text': 'Fat.'}"));

        tab.see("#now tbody tr:nth-child(3)", "Fat.");
        assertThat(tab.eval("[...touched].map(tr => tr.querySelector('.toggle')?.innerText).join()").asText()).isEqualTo("now-2");
    }

    @Test
    void hostileTextIsShownAsText() {
        String hostile = "<script>alert(1)</script><img src=x onerror=alert(1)> \u001b[31mred \u202egnirts\u200f ${jndi} &lt;" + "x".repeat(1_000_000);
        add("requests", working(1, "streaming", "<b>model</b>", "streaming").put("text", hostile.substring(0, 65_536)).put("prompt", hostile.substring(0, 200)));
        add("done", answered(2, "done", hostile.substring(0, 4_000), 3).put("prompt", hostile.substring(0, 200)).put("model", "\u202e<i>x</i>"));
        add("done", failed(3, "failed", "provider-rejected", "<b>No.</b>", hostile, 3));
        add("done", pictured(4, "pictured", "javascript:alert(1)", 4));
        snapshot.withObject("health").withArray("providers").addObject().put("name", "<u>other</u>").put("endpoint", "https://" + "y".repeat(3_000)).put("message", hostile);
        page("").see("#done", "pictured");

        tab.eval("document.querySelectorAll('.toggle').forEach(button => button.click())");
        door.say("text", "{\"no\": 1, \"id\": \"streaming\", \"at\": 65536, \"text\": " + Played.quoted(hostile) + "}");
        tab.see("#now pre.text", "xxx").see("#done pre.text", "<script>alert(1)</script><img src=x onerror=alert(1)> \u241b[31mred [U+202E]gnirts[U+200F] ${jndi} &lt;xxx");
        tab.see("#done .failure", "<b>No.</b>");
        assertThat(tab.eval("document.querySelectorAll('main script, main b:not(.count), main i, main [src=x]').length").asInt()).isZero();
        assertThat(tab.eval("document.documentElement.innerText.match(/[\\u202a-\\u202e\\u2066-\\u2069\\u001b]/)").isNull()).isTrue();
        assertThatNothingIsWiderThanThePage(1280);
        assertThatNothingIsWiderThanThePage(360);
        tab.click("#to-health").see("#providers", "<u>other</u>");
        assertThatNothingIsWiderThanThePage(360);
    }

    private void assertThatNothingIsWiderThanThePage(int width) {
        tab.size(width, 740).until("innerWidth === " + width);
        assertThat(tab.eval("document.documentElement.scrollWidth").asInt()).as("the width of %s", tab.eval("location.hash").asText()).isLessThanOrEqualTo(width);
    }

    /** Something of everything. */
    private void fill() {
        String[] states = {"waiting", "creating", "queued", "running", "streaming", "delivering"};
        for (int i = 0; i < states.length; i++) {
            add("requests", working(10 + i, "working-" + i, "solar-pro4", states[i]).put("text", states[i].equals("streaming") ? "A camel" : ""));
        }
        add("done", answered(1, "greeting", "Hello", 3));
        add("done", pictured(2, "camel", door.url() + "pictures/camel.png", 4));
        add("done", failed(3, "limited", "rate-limited", "The service takes no more requests for now.", "429", 5));
        add("done", answered(4, "given-up", "", 6).put("outcome", "cancelled"));
        snapshot.set("figures", Played.figures());
        snapshot.withObject("health").setAll(json("""
                {'spending': {'day': '2026-11-27', 'sums': [{'provider': 'upstage', 'model': 'solar-mini4', 'account': 'team', 'key': '…3f9a', 'requests': 12,
                  'amount': 0.0031, 'currency': 'USD'}], 'budgets': [{'name': 'bactrian.budget.day', 'percent': 83, 'words': '83 % spent (8.3 of 10 USD)'}]},
                 'queues': {'up': true, 'depths': [{'name': 'bactrian.requests', 'use': 'requests', 'depth': 3}],
                  'deadLetters': [{'message': 'ID:5a1f', 'id': 'camel', 'reason': 'not JSON', 'from': 'bactrian.requests', 'body': 'not JSON at all'}]}}"""));
    }

    @ParameterizedTest
    @ValueSource(strings = {"light", "dark"})
    void eachTextHasEnoughContrast(String colours) throws IOException {
        fill();
        tab.media(colours);
        for (String view : List.of("", "#health", "#try")) {
            page(view).see(view.isEmpty() ? "#now" : view, view.isEmpty() ? "working-5" : "");
            tab.eval("document.querySelectorAll('.toggle').forEach(button => button.click())");
            tab.eval("new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
            assertThat(tab.eval(script("contrast.js"))).as("texts with too little contrast in %s", view).isEmpty();
        }
        assertThat(tab.eval("getComputedStyle(document.body).backgroundColor").asText()).isEqualTo(colours.equals("dark") ? "rgb(23, 22, 20)" : "rgb(246, 244, 240)");
    }

    @Test
    void thePageFitsAPhone() {
        fill();
        for (String view : List.of("", "#try", "#health")) {
            page(view).see(view.isEmpty() ? "#now" : view, "");
            tab.eval("document.querySelectorAll('.toggle').forEach(button => button.click())");
            assertThatNothingIsWiderThanThePage(360);
            assertThatNothingIsWiderThanThePage(320);
        }
    }

    @Test
    void everyControlHasANameAndEveryListItsRoles() throws IOException {
        fill();
        for (String view : List.of("", "#try", "#health")) {
            page(view).see("#target", "Simulator");
            assertThat(tab.unnamed()).as("controls without a name in %s", view).isEmpty();
        }
        assertThat(tab.eval("[...document.querySelectorAll('[aria-labelledby], [aria-describedby]')].flatMap(e => [e.getAttribute('aria-labelledby'), e.getAttribute('aria-describedby')])"
                + ".filter(id => id && !document.getElementById(id))")).isEmpty();
    }

    @Test
    void theKeyboardReachesAllThatAPersonCanDo() {
        fill();
        page("").see("#done", "given-up");
        tab.press("Tab").until("document.activeElement.className === 'skip'");

        walk("#to-requests");
        walk("#find-text");
        walk("#now .toggle");
        tab.press("ArrowDown", "ArrowDown", "Tab").until("document.activeElement.innerText === 'Cancel'");
        tab.press("Enter").see("#note", "working-2 is being cancelled");
        walk("#as-gallery");
        tab.press("Enter").until("document.querySelector('#gallery img')");
        walk("#gallery button");
        tab.press("Enter").until("document.activeElement.innerText === 'camel' && document.querySelector('#done .detail')");
        tab.press("ArrowDown").until("document.activeElement.innerText === 'limited'").press("Enter").see("#done", "trying again may help");
        tab.press("Tab", "Enter").see("#note", "limited is sent again");
        walkBack("#to-try");
        tab.press("Enter").until("document.querySelector('#try').checkVisibility()");
        walk("#ask-prompt");
        walk("#ask-send");
        tab.press("Enter").see("#answer-state", "sent");
        walkBack("#to-health");
        tab.press("Enter").see("#queues", "not JSON");
        walk("#queues summary");
        tab.press("Enter").see("#queues", "not JSON at all");
        walk("#queues li button");
        tab.press("Enter").see("#note", "camel is sent back");
        assertThat(door.calls()).containsExactly("DELETE /requests/working-2", "POST /console/requests/3/again", "POST /requests",
                "POST /console/dead-letters/ID%3A5a1f/back");
    }

    @Test
    void theFocusStaysWhileWhatIsAroundItChanges() {
        fill();
        page("#health").see("#queues", "not JSON");
        walk("#queues li button");

        ObjectNode health = snapshot.withObject("health").deepCopy();
        health.withObject("queues").withArray("depths").addObject().put("name", "bactrian.polls").put("use", "polls").put("depth", 4);
        door.say("health", health);
        tab.see("#queues", "bactrian.polls");
        assertThat(tab.eval("document.activeElement.innerText").asText()).isEqualTo("Send back");

        health = health.deepCopy();
        health.withObject("queues").withArray("deadLetters").insertObject(0).put("message", "ID:2").put("id", "other").put("reason", "too large");
        door.say("health", health);
        tab.see("#queues", "too large");
        assertThat(tab.eval("document.activeElement.closest('#letters') !== null").asBoolean()).isTrue();
    }

    private void walk(String to) {
        walk(to, "Tab");
    }

    private void walkBack(String to) {
        walk(to, "Shift+Tab");
    }

    /** Presses a key until the focus is there; at each stop it can be seen where it is. */
    private void walk(String to, String key) {
        String there = "document.activeElement.matches('" + to + "')";
        for (int i = 0; i < 60 && !tab.eval(there).asBoolean(); i++) {
            tab.press(key);
            assertThat(tab.eval("document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== 'none'").asBoolean())
                    .as("the focus is seen on %s", tab.eval("document.activeElement.outerHTML").asText()).isTrue();
        }
        assertThat(tab.eval(there).asBoolean()).as("%s is reached", to).isTrue();
    }

    private static String script(String name) throws IOException {
        try (InputStream file = ConsolePageTest.class.getResourceAsStream("/console/" + name)) {
            return new String(file.readAllBytes(), UTF_8);
        }
    }
}
