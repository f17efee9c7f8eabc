package dev.bactrian.routes.upstage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Text that looks like an expression, a placeholder, a URI, a path or JSON arrives at the server as it was written, and comes back so. */
class UpstageTextIsTextTest extends RouteTestSupport {

    /** Texts that are something else to somebody. */
    enum Text {
        PLACEHOLDER("{{sys:user.home}} {{env:HOME}} {{no.such.property}} {{"),
        SIMPLE("${sysenv.HOME} ${body} ${header.Authorization} ${exception.stacktrace} ${"),
        OLD_SIMPLE("$simple{sysenv.HOME} $init{x}init$ ${bean:bactrianIntake?method=take}"),
        RAW("RAW(x) RAW{y} #bean:bactrianSettings #class:java.lang.Runtime"),
        QUERY("?a=b&c=d%20e+f#g;h ://@[]"),
        PATH("../../etc/passwd ..\\..\\x \u0000.txt"),
        QUOTES("\"quoted\" 'single' \\ \\\\ \\n \\u0041 `back` \"}]} , {\"prompt\": \"x\"}"),
        LINES("a\nb\r\nc\rd\te\u000bf\u0085g\u2028h\u2029i"),
        CONTROLS("x" + IntStream.range(0, 32).mapToObj(i -> "" + (char) i).collect(Collectors.joining()) + "\u007f\u0080\u009f"),
        BLANKS("  leading and trailing \t"),
        STREAM("data: [DONE]\n\ndata: {\"error\":1}\n\n: ping"),
        HANGUL("대한민국 ㄱㄴㄷ 각\u11a8 \ufeff"),
        EMOJI("🐫 👩‍👩‍👧‍👦 🇰🇷 e\u0301 \u200d \ufe0f"),
        BIDI("\u202ertl\u202c \u2066x\u2069"),
        NON_CHARACTERS("\uffff\ufffe\ufdd0 \ufffd \ue000"),
        HTML("<script>alert(1)</script> &amp; &#x41; <!-- -->"),
        YAML("- a: &x *x !!java.lang.Runtime [\n# c\n---\n"),
        FORMAT("%s %d %n {} {0} %%"),
        LOOKUP("${jndi:ldap://127.0.0.1:1/x} ${env:HOME}"),
        LARGE("낙타 ".repeat(250_000));

        private final String text;

        Text(String text) {
            this.text = text;
        }
    }

    /** Forms of a request. */
    enum Form {
        TEXT {
            @Override
            Object body(String prompt) {
                return "> " + prompt;
            }
        },
        BYTES {
            @Override
            Object body(String prompt) {
                return ("> " + prompt).getBytes(StandardCharsets.UTF_8);
            }
        },
        STREAM {
            @Override
            Object body(String prompt) {
                return new ByteArrayInputStream(("> " + prompt).getBytes(StandardCharsets.UTF_8));
            }
        },
        JSON {
            @Override
            Object body(String prompt) {
                return JsonNodeFactory.instance.objectNode().put("prompt", "> " + prompt).toString();
            }
        },
        MESSAGES {
            @Override
            Object body(String prompt) {
                ObjectNode body = JsonNodeFactory.instance.objectNode();
                body.putArray("messages").addObject().put("role", "user").put("content", "> " + prompt);
                return body.toString();
            }
        },
        MAP {
            @Override
            Object body(String prompt) {
                return Map.of("prompt", "> " + prompt);
            }
        },
        REQUEST {
            @Override
            Object body(String prompt) {
                return GenerateRequest.ofPrompt("> " + prompt);
            }
        };

        abstract Object body(String prompt);
    }

    @TestFactory
    Stream<DynamicTest> aPromptArrivesAndAnAnswerComesBackAsItWasWritten() throws Exception {
        start();
        return Stream.of(Text.values()).flatMap(text -> Stream.of(Form.values()).map(form -> DynamicTest.dynamicTest(text + " " + form, () -> {
            simulator.reset().on(Call.CHAT, Reply.stream(text.text, "|"));

            JsonNode result = generate(form.body(text.text));

            JsonNode sent = simulator.requests().get(0).json();
            assertThat(sent.path("messages").path(0).path("content").asText()).isEqualTo("> " + text.text);
            assertThat(result.path("text").asText()).isEqualTo(text.text + "|");
            assertThat(captured.chunks.remove().text()).isEqualTo(text.text);
            assertThat(captured.chunks.remove().text()).isEqualTo("|");
        })));
    }

    @TestFactory
    Stream<DynamicTest> aPromptOfAPredictionArrivesAndItsOutputComesBackAsItWasWritten() throws Exception {
        start("bactrian.replicate.max-creates-per-minute", "10000");
        return DynamicTest.stream(Stream.of(Text.values()), Text::toString, text -> {
            String output = JsonNodeFactory.instance.arrayNode().add(text.text).add("|").toString();
            simulator.reset().on(Call.CREATE, Reply.prediction("succeeded", output));

            JsonNode result = generate(Map.of("model", "gemma-2b", "prompt", "> " + text.text));

            assertThat(simulator.requests().get(0).json().path("input").path("prompt").asText()).isEqualTo("> " + text.text);
            assertThat(result.path("text").asText()).isEqualTo(text.text + "|");
            assertThat(takeChunks()).isEqualTo(text.text + "||");
        });
    }

    @TestFactory
    Stream<DynamicTest> anOptionIsPassedOnAsItWasWritten() throws Exception {
        start();
        return DynamicTest.stream(Stream.of(Text.values()).filter(text -> text.text.length() < 1000), Text::toString, text -> {
            simulator.reset().on(Call.CHAT, Reply.stream("a"));
            Map<String, Object> request = new LinkedHashMap<>();
            request.put("prompt", "hi");
            request.put(text.text, text.text);
            request.put("nested", Map.of(text.text, new Object[] {text.text, null, 1, true}));

            generate(request);

            ObjectNode expected = ProviderJson.JSON.valueToTree(request);
            JsonNode sent = simulator.requests().get(0).json();
            assertThat(sent.get(text.text)).isEqualTo(expected.get(text.text));
            assertThat(sent.get("nested")).isEqualTo(expected.get("nested"));
            takeChunks();
        });
    }

    @Test
    void numbersAreNotRounded() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("a"));
        String options = "\"temperature\":0.10,\"seed\":123456789012345678901234567890,\"top_p\":1e-7,\"max_tokens\":9007199254740993,\"x\":1.0";

        generate("{\"prompt\":\"hi\"," + options + "}");

        assertThat(simulator.requests().get(0).bodyText()).contains("\"temperature\":0.10", "\"seed\":123456789012345678901234567890",
                "\"max_tokens\":9007199254740993", "\"x\":1.0");
        assertThat(simulator.requests().get(0).json().get("top_p").decimalValue()).isEqualByComparingTo("1e-7");
        takeChunks();
    }

    /** Names that are not models. */
    enum Name {
        PLACEHOLDER("{{sys:user.home}}"), EXPRESSION("${sysenv.HOME}"), OWNED("${sysenv.USER}/{{sys:user.name}}"), PATH("../../v1/files"),
        QUERY("owner/name?x=1&y=2"), FRAGMENT("owner/name#x"), BLANK("owner/na me"), LINE("owner/name\nX-Evil: 1"), RAW("RAW(owner/name)");

        private final String name;

        Name(String name) {
            this.name = name;
        }
    }

    @TestFactory
    Stream<DynamicTest> aModelsNameIsRefusedOrArrivesAsItWasWritten() throws Exception {
        start("bactrian.retry.max-attempts", "0");
        return DynamicTest.stream(Stream.of(Name.values()), Name::toString, name -> {
            simulator.reset().always(Call.CREATE, Reply.prediction("failed", null));

            JsonNode document = generateFails(Map.of("provider", "replicate", "model", name.name, "prompt", "hi"));

            if (simulator.requests().isEmpty()) {
                assertThat(document.path("error").path("type").asText()).isEqualTo("unsupported-model");
                assertThat(document.path("error").path("message").asText()).contains(name.name.lines().findFirst().orElseThrow());
            } else {
                assertThat(simulator.requests().get(0).json().path("version").asText()).isEqualTo(name.name);
                assertThat(simulator.requests().get(0).path()).isEqualTo("/v1/predictions");
            }
        });
    }

    @Test
    void anUnknownModelOfUpstageIsItsDefaultAndNeverEvaluated() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("a"));

        JsonNode result = generate(Map.of("provider", "upstage", "model", "${sysenv.HOME}{{sys:user.home}}", "prompt", "hi"));

        assertThat(result.path("model").asText()).isEqualTo("solar-pro4");
        assertThat(simulator.requests().get(0).json().path("model").asText()).isEqualTo("solar-pro4");
        takeChunks();
    }

    @TestFactory
    Stream<DynamicTest> anErrorMessageComesBackAsItWasWrittenOnOneLine() throws Exception {
        start();
        return DynamicTest.stream(Stream.of(Text.values()).filter(text -> text.text.length() < 1000), Text::toString, text -> {
            String body = ProviderJson.JSON.writeValueAsString(Map.of("error", Map.of("message", "x" + text.text + "y")));
            simulator.reset().on(Call.CHAT, Reply.json(400, body));

            String message = generateFails("hi").path("error").path("message").asText();

            assertThat(message).startsWith("upstage answered 400: x").endsWith("y").doesNotContain("\n", "\r");
            assertThat(message.replaceAll("\\s", "")).endsWith(Pattern.compile("\\p{Cc}").matcher(("x" + text.text + "y").replaceAll("[\\s\\u0085\\u2028\\u2029]", ""))
                    .replaceAll(control -> String.format("\\\\u%04x", (int) control.group().charAt(0))));
        });
    }

    @Test
    void halfAnEmojiIsNotReplacedByAQuestionMark() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("a"));

        generate("{\"prompt\":\"cut \\ud83d off\"}");

        assertThat(simulator.requests().get(0).json().path("messages").path(0).path("content").asText()).isIn("cut \ud83d off", "cut \ufffd off");
        takeChunks();
    }
}
