package dev.bactrian.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which model a request means, by the two files that are shipped. */
class ResolutionTest {

    private static final Catalogue STANDARD = shipped("models.yaml");
    private static final Catalogue PLAYGROUND = shipped("models-playground.yaml");
    private static final String SD_3 = "527d2a6296facb8e47ba1eaf17f142c240c19a30894f437feee9b91cc29d8e4f";

    private static Catalogue shipped(String name) {
        return Catalogue.read(name, resource(name), ResolutionTest::resource, null);
    }

    private static String resource(String name) {
        try (InputStream in = Catalogue.class.getResourceAsStream("/bactrian/" + name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static GenerationFailure failure(Catalogue catalogue, String name, ProviderName provider) {
        try {
            return org.assertj.core.api.Assertions.fail("resolved to " + catalogue.resolve(name, provider, null));
        } catch (GenerationFailure e) {
            return e;
        }
    }

    @Test
    void noModelMeansTheDefault() {
        assertThat(STANDARD.resolve(null, null, null)).isEqualTo(new Model(ProviderName.UPSTAGE, "solar-pro4", Kind.TEXT, "solar-pro4"));
        assertThat(PLAYGROUND.resolve(null, null, null).id()).isEqualTo("solar-pro");
    }

    @Test
    void aBlankModelMeansTheDefaultToo() {
        assertThat(STANDARD.resolve(" ", null, null).id()).isEqualTo("solar-pro4");
    }

    @ParameterizedTest
    @CsvSource({"REPLICATE, google-deepmind/gemma-2b-it", "UPSTAGE, solar-pro4"})
    void noModelOfAProviderMeansThatProvidersDefault(ProviderName provider, String id) {
        assertThat(STANDARD.resolve(null, provider, null).id()).isEqualTo(id);
    }

    @Test
    void noModelForAnImageMeansTheDefaultImageModel() {
        Model expected = new Model(ProviderName.REPLICATE, "stability-ai/stable-diffusion-3", Kind.IMAGE, SD_3);

        assertThat(STANDARD.resolve(null, ProviderName.REPLICATE, Kind.IMAGE)).isEqualTo(expected);
        assertThat(STANDARD.resolve(null, null, Kind.IMAGE)).isEqualTo(expected);
    }

    @Test
    void noModelForTextMeansTheDefault() {
        assertThat(STANDARD.resolve(null, null, Kind.TEXT).id()).isEqualTo("solar-pro4");
        assertThat(STANDARD.resolve(null, ProviderName.REPLICATE, Kind.TEXT).id()).isEqualTo("google-deepmind/gemma-2b-it");
    }

    @Test
    void upstageHasNoImageModel() {
        assertThatThrownBy(() -> STANDARD.resolve(null, ProviderName.UPSTAGE, Kind.IMAGE)).isInstanceOf(GenerationFailure.class)
                .hasMessageContaining("image");
    }

    @ParameterizedTest
    @CsvSource({
        "gemma-2b, google-deepmind/gemma-2b-it, dff94eaf770e1fc211e425a50b51baa8e4cac6c39ef074681f9e39d778773626",
        "sd-3, stability-ai/stable-diffusion-3, 527d2a6296facb8e47ba1eaf17f142c240c19a30894f437feee9b91cc29d8e4f",
        "sdxl, bytedance/sdxl-lightning-4step, 5f24084160c9089501c1b3545d9be3c27883ae2239b6f412990e82d4a6210f8f",
        "playground-v2.5, playgroundai/playground-v2.5-1024px-aesthetic, a45f82a1382bed5c7aeb861dac7c7d191b0fdf74d8d57c4a0e6ed7d4d0bf7d24"})
    void bothFilesNameTheModelsOfTheHomepageAlike(String alias, String id, String version) {
        for (Catalogue catalogue : new Catalogue[] {STANDARD, PLAYGROUND}) {
            Model model = catalogue.resolve(alias, null, null);

            assertThat(model.id()).isEqualTo(id);
            assertThat(model.version()).isEqualTo(version);
            assertThat(model.isImage()).isEqualTo(!alias.equals("gemma-2b"));
            assertThat(catalogue.resolve(id, null, null)).isEqualTo(model);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"solar-pro4", "solar-mini4", "solar-pro3", "solar-pro2", "solar-mini", "solar-pro", "syn-pro",
        "solar-1-mini-chat", "solar-1-mini-chat-ja"})
    void todaysModelsOfUpstageAndTheOlderOnesAreInTheStandardFile(String id) {
        assertThat(STANDARD.resolve(id, null, null)).isEqualTo(new Model(ProviderName.UPSTAGE, id, Kind.TEXT, id));
    }

    @Test
    void anOfficialModelOfReplicateGoesByItsName() {
        assertThat(STANDARD.resolve("meta/meta-llama-3-8b-instruct", null, null).version()).isEqualTo("meta/meta-llama-3-8b-instruct");
    }

    @Test
    void thePlaygroundHasThreeModelsOfUpstage() {
        assertThat(PLAYGROUND.names(ProviderName.UPSTAGE)).containsExactlyInAnyOrder(
                "upstage/solar-1-mini-chat", "upstage/solar-1-mini-chat-ja", "solar-pro", "solar-mini");
    }

    @Test
    void onThePlaygroundSolarMiniIsTheJapaneseOne() {
        assertThat(PLAYGROUND.resolve("solar-mini", null, null).id()).isEqualTo("upstage/solar-1-mini-chat-ja");
    }

    @Test
    void anUnknownNameGoesToTheDefaultOfUpstage() {
        assertThat(STANDARD.resolve("solar-pro9", ProviderName.UPSTAGE, null).id()).isEqualTo("solar-pro4");
        assertThat(PLAYGROUND.resolve("solar-pro9", ProviderName.UPSTAGE, null).id()).isEqualTo("solar-pro");
    }

    @Test
    void aModelOfReplicateIsAnUnknownNameToUpstage() {
        assertThat(STANDARD.resolve("sd-3", ProviderName.UPSTAGE, null).id()).isEqualTo("solar-pro4");
    }

    @ParameterizedTest
    @ValueSource(strings = {"acme/writer", "acme/writer:abc123", "a.b_c-d/e"})
    void replicateTakesAnyOwnerAndNameAsItStands(String name) {
        assertThat(STANDARD.resolve(name, ProviderName.REPLICATE, null)).isEqualTo(new Model(ProviderName.REPLICATE, name, null, name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"acme/writer", "acme/writer:abc123"})
    void aNameWithOneSlashGoesToReplicate(String name) {
        assertThat(STANDARD.resolve(name, null, null)).isEqualTo(new Model(ProviderName.REPLICATE, name, null, name));
    }

    @Test
    void theKindOfAnUnknownModelIsTheRequests() {
        assertThat(STANDARD.resolve("acme/painter", null, Kind.IMAGE).isImage()).isTrue();
    }

    @Test
    void theKindOfAKnownModelIsTheCatalogues() {
        assertThat(STANDARD.resolve("sd-3", null, Kind.TEXT).isImage()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt", "solar-pro4", "a/b/c", "/b", "a/", "a b/c", "acme/writer:", "acme/writer:a:b", "../x/y", "acme/wri\u0000ter", "acme/writer\u007f"})
    void anythingElseIsUnsupportedByReplicate(String name) {
        assertThat(failure(STANDARD, name, ProviderName.REPLICATE).type()).isEqualTo(ErrorType.UNSUPPORTED_MODEL);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt", "a/b/c", "solar-pro9", "gpt:1", "SOLAR-PRO4"})
    void anyOtherNameWithoutAProviderIsUnsupported(String name) {
        GenerationFailure failure = failure(STANDARD, name, null);

        assertThat(failure.type()).isEqualTo(ErrorType.UNSUPPORTED_MODEL);
        assertThat(failure.retryable()).isFalse();
    }

    @Test
    void anUnsupportedModelIsAnsweredWithTheValidNames() {
        assertThat(failure(STANDARD, "gpt", null)).message().contains("gpt").contains(STANDARD.names(null));
        assertThat(failure(STANDARD, "gpt", ProviderName.REPLICATE)).message().contains("sd-3", "gemma-2b").doesNotContain("solar");
    }

    @Test
    void aNameIsShownOnOneLineAndNotWithoutEnd() {
        assertThat(failure(STANDARD, "gpt\n\u001b[2J5", null)).message().startsWith("'gpt  [2J5' is not a model");
        assertThat(failure(STANDARD, "g".repeat(10_000), null)).message().contains("solar-pro4").hasSizeLessThan(2000);
    }
}
