package dev.bactrian.upstage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Properties;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.core.Cancellation;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.request.RequestReader;
import dev.bactrian.request.RequestReader.Format;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The body of a chat completion: what is sent of a request, and how. */
class UpstageTest {

    private final DefaultCamelContext context = new DefaultCamelContext();

    @AfterEach
    void close() throws IOException {
        context.close();
    }

    private Upstage upstage(String... pairs) {
        Properties properties = new Properties();
        properties.setProperty("bactrian.upstage.api-endpoint", "http://localhost:1/v1");
        for (int i = 0; i < pairs.length; i += 2) {
            properties.setProperty(pairs[i], pairs[i + 1]);
        }
        context.getPropertiesComponent().setInitialProperties(properties);
        Upstage upstage = new Upstage();
        upstage.setCamelContext(context);
        return upstage;
    }

    private static String body(Upstage upstage, GenerateRequest request) {
        Model model = new Model(ProviderName.UPSTAGE, "solar-pro4", Kind.TEXT, "solar-pro4");
        return new String(upstage.body(Generation.begin("a", request, model, true, "")), StandardCharsets.UTF_8);
    }

    private static GenerateRequest request(String json) {
        return new RequestReader(10_000_000).read(json.replace('\'', '"'), Format.JSON);
    }

    @Test
    void aChatIsStreamedAndAskedForItsUsage() {
        assertThat(body(upstage(), GenerateRequest.ofPrompt("hi"))).isEqualTo("{\"model\":\"solar-pro4\",\"messages\":[{\"role\":\"user\","
                + "\"content\":\"hi\"}],\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    }

    @Test
    void thePlaygroundIsNotAskedForUsageAndGetsOnePrompt() {
        assertThat(body(upstage("bactrian.profile", "playground"),
                request("{'messages':[{'role':'system','content':'be brief'},{'role':'user','content':'hi'}]}")))
                .isEqualTo("{\"model\":\"solar-pro4\",\"messages\":[{\"role\":\"user\",\"content\":\"System: be brief\\nUser: hi\\nAssistant:\"}],\"stream\":true}");
    }

    @Test
    void rolesAreKeptAndDevelopersAreSystem() throws IOException {
        JsonNode messages = ProviderJson.JSON.readTree(body(upstage(), request("{'messages':[{'role':'developer','content':'be brief'},"
                + "{'role':'user','content':'hi'},{'role':'assistant','content':'hello'},{'role':'user','content':'bye'}]}"))).path("messages");

        assertThat(messages.findValuesAsText("role")).containsExactly("system", "user", "assistant", "user");
    }

    @Test
    void aGivenPromptIsOneMessageOfTheUser() {
        assertThat(body(upstage(), request("{'prompt':'hi'}"))).contains("\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]");
    }

    @Test
    void aListOfPartsIsSentAsText() {
        assertThat(body(upstage(), request("{'messages':[{'role':'user','content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]}]}")))
                .contains("\"content\":\"ab\"");
    }

    @Test
    void whatToolsNeedIsKept() throws IOException {
        JsonNode messages = ProviderJson.JSON.readTree(body(upstage(), request("{'messages':[{'role':'user','content':'weather?'},"
                + "{'role':'assistant','content':null,'tool_calls':[{'id':'c1','type':'function','function':{'name':'w','arguments':'{}'}}]},"
                + "{'role':'tool','tool_call_id':'c1','name':'w','content':'rain'}]}"))).path("messages");

        assertThat(messages.get(1).path("content").isNull()).isTrue();
        assertThat(messages.get(1).at("/tool_calls/0/id").asText()).isEqualTo("c1");
        assertThat(messages.get(2)).hasToString("{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"name\":\"w\",\"content\":\"rain\"}");
    }

    @Test
    void otherFieldsArePassedOnUntouched() {
        assertThat(body(upstage(), request("{'prompt':'hi','temperature':0.30,'stop':['x'],'max_tokens':5}")))
                .contains("\"temperature\":0.30,\"stop\":[\"x\"],\"max_tokens\":5");
    }

    @Test
    void anyTextSurvivesTheWay() throws IOException {
        StringBuilder odd = new StringBuilder("\" \\ \u2028 \u2029 \u007F 한국어 🐫 {{sys:x}} ${sysenv.HOME} $simple{x} RAW(x) ?a=b&c ../ ");
        for (char control = 0; control < 32; control++) {
            odd.append(control);
        }
        String prompt = odd + "가".repeat(400_000);

        String sent = ProviderJson.JSON.readTree(body(upstage(), GenerateRequest.ofPrompt(prompt))).at("/messages/0/content").textValue();

        assertThat(sent.equals(prompt)).isTrue();
    }

    @Test
    void aRequestCanBeSentAgainUnchanged() {
        GenerateRequest request = request("{'messages':[{'role':'developer','content':[{'type':'text','text':'a'}]}]}");
        Upstage upstage = upstage();

        assertThat(body(upstage, request)).isEqualTo(body(upstage, request));
        assertThat(request.messages().get(0).fields()).hasToString("{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}");
    }

    @Test
    void withoutAKeyNothingIsSentToTheOfficialEndpoint() {
        Upstage upstage = upstage("bactrian.upstage.api-endpoint", "https://api.upstage.ai/v1/chat/completions", "bactrian.upstage.api-key", " ");

        assertThatThrownBy(() -> body(upstage, GenerateRequest.ofPrompt("hi"))).isInstanceOfSatisfying(GenerationFailure.class,
                failure -> assertThat(failure.type()).isEqualTo(ErrorType.AUTHENTICATION)).hasMessageContaining("bactrian.upstage.api-key");
    }

    @Test
    void anAnswerWithoutABodyIsInterrupted() {
        ChatStream stream = upstage().open(Generation.begin("a", GenerateRequest.ofPrompt("hi"),
                new Model(ProviderName.UPSTAGE, "solar-pro4", Kind.TEXT, "solar-pro4"), true, ""), new Cancellation(), true, null);

        assertThatThrownBy(stream::next).isInstanceOfSatisfying(GenerationFailure.class,
                failure -> assertThat(failure.type()).isEqualTo(ErrorType.STREAM_INTERRUPTED));
    }
}
