package dev.bactrian.console;

import static dev.bactrian.console.Played.answered;
import static dev.bactrian.console.Played.failed;
import static dev.bactrian.console.Played.json;
import static dev.bactrian.console.Played.pictured;
import static dev.bactrian.console.Played.working;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

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
}
