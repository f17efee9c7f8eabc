package dev.bactrian.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;

import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.request.ChatMessage;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.request.RequestReader;
import dev.bactrian.request.RequestReader.Format;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** By its recall key a request that comes again finds its prediction, and no other request does. */
class GenerationTest {

    private static final Model GEMMA = new Model(ProviderName.REPLICATE, "google-deepmind/gemma-2b-it", Kind.TEXT, "dff9");
    private static final Model SOLAR = new Model(ProviderName.UPSTAGE, "solar-pro4", Kind.TEXT, "solar-pro4");

    private static GenerateRequest request(String json) {
        return new RequestReader(1_000_000).read(json.replace('\'', '"'), Format.JSON);
    }

    private static String key(String id, GenerateRequest request, Model model, String delivery) {
        return Generation.begin(id, request, model, true, delivery).recallKey();
    }

    private static String key(String json) {
        return key("cat", request(json), GEMMA, "");
    }

    @Test
    void aRequestThatComesAgainHasTheSameKey() {
        String json = "{'id':'cat','messages':[{'role':'user','content':'hi'}],'temperature':0.30,'nested':{'a':[1]}}";

        assertThat(key(json)).isEqualTo(key(json)).startsWith("cat-");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{'prompt':'b'}", "{'prompt':'a '}", "{'prompt':'a','seed':1}", "{'messages':[{'role':'user','content':'a'}]}", "{'prompt':'a','kind':'text'}"})
    void anotherContentHasAnotherKey(String json) {
        assertThat(key(json)).isNotEqualTo(key("{'prompt':'a'}"));
    }

    @Test
    void anotherValueOfAnOptionHasAnotherKey() {
        assertThat(key("{'prompt':'a','seed':1}")).isNotEqualTo(key("{'prompt':'a','seed':2}"));
    }

    @Test
    void anotherModelHasAnotherKey() {
        GenerateRequest request = request("{'prompt':'a'}");

        assertThat(key("cat", request, GEMMA, "")).isNotEqualTo(key("cat", request, SOLAR, ""));
    }

    @Test
    void anotherVersionOfTheModelHasAnotherKey() {
        GenerateRequest request = request("{'prompt':'a'}");

        assertThat(key("cat", request, GEMMA, "")).isNotEqualTo(key("cat", request, new Model(GEMMA.provider(), GEMMA.id(), GEMMA.kind(), "beef"), ""));
    }

    @Test
    void anotherDeliveryHasAnotherKey() {
        GenerateRequest request = request("{'prompt':'a'}");

        assertThat(key("cat", request, GEMMA, "1763630200000")).isNotEqualTo(key("cat", request, GEMMA, "1763630200001"));
        assertThat(key("cat", request, GEMMA, "1763630200000")).isEqualTo(key("cat", request, GEMMA, "1763630200000"));
    }

    @Test
    void anotherIdHasAnotherKey() {
        GenerateRequest request = request("{'prompt':'a'}");

        assertThat(key("cat", request, GEMMA, "")).isNotEqualTo(key("dog", request, GEMMA, ""));
    }

    @Test
    void aRequestUnderAnIdThatNobodyGaveCannotComeAgain() {
        assertThat(Generation.begin("x", request("{'prompt':'a'}"), GEMMA, false, "").recallKey()).isNull();
    }

    @Test
    void aKeyCanNameAFile() {
        assertThat(key("x".repeat(128), GenerateRequest.ofMessages(List.of(ChatMessage.of("user", "../한글"))), GEMMA, "a/b")).matches("[A-Za-z0-9._-]{1,255}");
    }

    /** Otherwise an update would pay for the predictions of the version before again. */
    @Test
    void theTextOfAKeyIsThatOfEarlierVersions() {
        GenerateRequest request = request("{'id':'x','model':'gemma','messages':[{'role':'user','content':'a'}],'seed':7}");
        assertThat(request.forKey()).isEqualTo("GenerateRequest[id=x, model=gemma, provider=null, kind=null, messages=" + request.messages()
                + ", prompt=null, options={\"seed\":7}]");
        assertThat(key("x", request, GEMMA, "")).isEqualTo(key("x", request.withFallback(List.of("solar"), true), GEMMA, ""));
    }

    @Test
    void eachModelThatIsTriedHasAKeyOfItsOwnIfItsWorkCanBeFoundAgain() {
        Generation first = Generation.begin("x", request("{'prompt':'a'}"), GEMMA, true, "d")
                .fallingBackTo(List.of(SOLAR, GEMMA, new Model(ProviderName.REPLICATE, "a/b", null, "a/b"), SOLAR), true, "d").with("account", "owner");
        assertThat(first.fallback().next()).extracting(Model::id).containsExactly("solar-pro4", "a/b");
        Generation second = first.next(new GenerationFailure(ErrorType.RATE_LIMITED, "x"), null, model -> model.provider().equals(ProviderName.REPLICATE));
        Generation third = second.next(new GenerationFailure(ErrorType.RATE_LIMITED, "y"), null, model -> model.provider().equals(ProviderName.REPLICATE));
        assertThat(second.recallKey()).isNull();
        assertThat(third.recallKey()).startsWith("x-").isNotEqualTo(first.recallKey());
        assertThat(third.recallKeys()).containsExactly(first.recallKey(), third.recallKey());
        assertThat(third.account()).isEqualTo("account");
        assertThat(third.fallback().hasNext()).isFalse();
        assertThat(first.lastOf(one -> third.recallKey().equals(one.recallKey()), model -> true).orElseThrow().model()).isEqualTo(third.model());
    }

    @Test
    void aGenerationKnowsWhoRunsIt() {
        assertThat(Generation.begin("x", request("{'prompt':'a'}"), GEMMA, true, "").getProvider()).isEqualTo("replicate");
        assertThat(Generation.begin("x", request("{'prompt':'a'}"), SOLAR, true, "").getProvider()).isEqualTo("upstage");
    }

    @Test
    void whatAnEarlierVersionCalledItIsKnown() {
        Generation generation = Generation.begin("__-0123456789abcdef01234567", request("{'prompt':'a'}"), GEMMA, true, "d");
        String before = key("__-02a656a8", request("{'prompt':'a'}"), GEMMA, "d");

        assertThat(generation.formerly("__-02a656a8").formerKey()).isEqualTo(before);
        assertThat(generation.formerly("__-02a656a8").with("key", "owner").formerKey()).isEqualTo(before + "-owner");
        assertThat(generation.formerly(generation.id()).formerKey()).isNull();
    }
}
