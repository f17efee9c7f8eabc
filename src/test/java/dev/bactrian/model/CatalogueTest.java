package dev.bactrian.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.function.Function;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How a catalogue is written, and that a wrong one stops the start with one line. */
class CatalogueTest {

    private static final String BASE = """
            default-model: solar
            providers:
              upstage:
                default-model: solar
                models:
                  - id: solar
                    aliases: [sun]
                  - id: lunar
              replicate:
                default-model: acme/writer
                default-image-model: acme/painter
                models:
                  - id: acme/writer
                    version: abc123
                    aliases: [writer]
                  - id: acme/painter
                    kind: image
            """;
    private static final Function<String, String> PARENTS = uri -> {
        if (uri.equals("base.yaml")) {
            return BASE;
        }
        throw new IllegalArgumentException("bactrian.models: '" + uri + "' cannot be read");
    };

    private static Catalogue read(String text) {
        return Catalogue.read("models.yaml", text, PARENTS, null);
    }

    private static Model resolve(Catalogue catalogue, String name) {
        return catalogue.resolve(name, null, null);
    }

    @Test
    void aModelWithoutAKindMakesText() {
        assertThat(resolve(read(BASE), "solar").kind() == Kind.TEXT).isTrue();
    }

    @Test
    void aModelsVersionIsTheCataloguesOrElseItsName() {
        assertThat(resolve(read(BASE), "acme/writer").version()).isEqualTo("abc123");
        assertThat(resolve(read(BASE), "acme/painter").version()).isEqualTo("acme/painter");
    }

    @Test
    void namesAreListedInTheOrderOfTheFile() {
        assertThat(read(BASE).names(Provider.UPSTAGE)).containsExactly("solar", "lunar", "sun");
        assertThat(read(BASE).names(null)).contains("solar", "acme/writer", "writer");
    }

    @Test
    void aDefaultModelThatIsConfiguredComesBeforeTheFiles() {
        assertThat(Catalogue.read("models.yaml", BASE, PARENTS, "lunar").resolve(null, null, null).id()).isEqualTo("lunar");
    }

    @Test
    void aDefaultModelMayBeAnAlias() {
        assertThat(Catalogue.read("models.yaml", BASE, PARENTS, "writer").resolve(null, null, null).id()).isEqualTo("acme/writer");
    }

    @Test
    void aConfiguredDefaultThatIsNotAModelIsNamedByItsProperty() {
        assertThatThrownBy(() -> Catalogue.read("models.yaml", BASE, PARENTS, "stellar"))
                .hasMessageStartingWith("bactrian.default-model: ").hasMessageContaining("stellar").message().hasLineCount(1);
    }

    @Test
    void anOwnFileReplacesTheShippedOne() {
        Catalogue own = read("""
                default-model: mine
                providers:
                  upstage:
                    models: [{id: mine}]
                """);

        assertThat(own.names(null)).containsExactly("mine");
    }

    @Test
    void aFileThatExtendsAnotherAddsToIt() {
        Catalogue both = read("""
                extends: base.yaml
                providers:
                  upstage:
                    models: [{id: stellar, aliases: [star]}]
                """);

        assertThat(resolve(both, "star").id()).isEqualTo("stellar");
        assertThat(resolve(both, "sun").id()).isEqualTo("solar");
        assertThat(both.resolve(null, null, null).id()).isEqualTo("solar");
    }

    @Test
    void aFileThatExtendsAnotherMayChangeItsDefaults() {
        Catalogue both = read("""
                extends: base.yaml
                default-model: stellar
                providers:
                  upstage:
                    default-model: lunar
                    models: [{id: stellar}]
                """);

        assertThat(both.resolve(null, null, null).id()).isEqualTo("stellar");
        assertThat(both.resolve(null, Provider.UPSTAGE, null).id()).isEqualTo("lunar");
        assertThat(both.resolve(null, Provider.REPLICATE, null).id()).isEqualTo("acme/writer");
    }

    @Test
    void aFileThatExtendsAnotherMayPinAVersion() {
        Catalogue both = read("""
                extends: base.yaml
                providers:
                  replicate:
                    models: [{id: acme/writer, version: def456}]
                """);

        assertThat(resolve(both, "writer").version()).isEqualTo("def456");
    }

    @Test
    void aFileThatExtendsAnotherMayTurnAnAliasElsewhere() {
        Catalogue both = read("""
                extends: base.yaml
                providers:
                  upstage:
                    models: [{id: lunar, aliases: [sun]}]
                """);

        assertThat(resolve(both, "sun").id()).isEqualTo("lunar");
    }

    @Test
    void aFileThatCannotBeExtendedIsNamed() {
        assertThatThrownBy(() -> read("extends: nowhere.yaml\nproviders: {}\n")).hasMessageContaining("nowhere.yaml");
    }

    /** A file that stops the start, and what its one line must name. */
    enum Wrong {
        EMPTY("", "providers"),
        NOT_A_MAP("- a\n- b\n", "providers"),
        NOT_YAML("providers: [", "YAML"),
        NO_DEFAULT("providers: {upstage: {models: [{id: a}]}}", "default-model"),
        UNKNOWN_PROVIDER("default-model: a\nproviders: {openai: {models: [{id: a}]}}", "openai"),
        PROVIDER_IS_NOT_A_MAP("default-model: a\nproviders: {upstage: [a]}", "upstage"),
        UNKNOWN_FIELD_OF_A_PROVIDER("default-model: a\nproviders: {upstage: {default: a, models: [{id: a}]}}", "'default'"),
        UNKNOWN_FIELD_OF_A_MODEL("default-model: a\nproviders: {upstage: {models: [{id: a, alias: b}]}}", "'alias'"),
        UNKNOWN_FIELD("default-model: a\ndefault-modell: b\nproviders: {upstage: {models: [{id: a}]}}", "'default-modell'"),
        ALIASES_ARE_TEXT("default-model: a\nproviders: {upstage: {models: [{id: a, aliases: b}]}}", "aliases"),
        MODELS_ARE_A_MAP("default-model: a\nproviders: {upstage: {models: [{id: a}]}, replicate: {models: {id: b/c}}}", "models"),
        MODEL_WITHOUT_ID("default-model: a\nproviders: {upstage: {models: [{kind: text}]}}", "id"),
        MODEL_IS_NOT_A_MAP("default-model: a\nproviders: {upstage: {models: [a]}}", "id"),
        UNKNOWN_KIND("default-model: a\nproviders: {upstage: {models: [{id: a, kind: video}]}}", "video"),
        DUPLICATE_ID("default-model: a\nproviders: {upstage: {models: [{id: a}, {id: a}]}}", "'a'"),
        DUPLICATE_ALIAS("default-model: a\nproviders: {upstage: {models: [{id: a, aliases: [x]}, {id: b, aliases: [x]}]}}", "'x'"),
        ALIAS_THAT_IS_AN_ID("default-model: a\nproviders: {upstage: {models: [{id: a, aliases: [b]}, {id: b}]}}", "'b'"),
        ID_OF_BOTH_PROVIDERS("default-model: a\nproviders: {upstage: {models: [{id: a}]}, replicate: {models: [{id: a}]}}", "'a'"),
        ALIAS_OF_BOTH_PROVIDERS("default-model: a\nproviders: {upstage: {models: [{id: a, aliases: [x]}]},"
                + " replicate: {models: [{id: b, aliases: [x]}]}}", "'x'"),
        ALIAS_THAT_EXTENDS_OVER_AN_ID("extends: base.yaml\nproviders: {upstage: {models: [{id: new, aliases: [lunar]}]}}", "'lunar'"),
        DEFAULT_IS_NOT_A_MODEL("default-model: b\nproviders: {upstage: {models: [{id: a}]}}", "'b'"),
        PROVIDERS_DEFAULT_IS_NOT_A_MODEL("default-model: a\nproviders: {upstage: {default-model: b, models: [{id: a}]}}", "'b'"),
        PROVIDERS_DEFAULT_IS_ANOTHERS("default-model: a\nproviders: {upstage: {models: [{id: a}]},"
                + " replicate: {default-model: a, models: [{id: b/c}]}}", "'a'"),
        DEFAULT_IMAGE_MODEL_MAKES_TEXT("default-model: a\nproviders: {upstage: {default-image-model: a, models: [{id: a}]}}", "image");

        final String text;
        final String named;

        Wrong(String text, String named) {
            this.text = text;
            this.named = named;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aWrongFileIsRefusedInOneLineThatNamesWhatIsWrong(Wrong row) {
        assertThatThrownBy(() -> read(row.text)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("models.yaml").hasMessageContaining(row.named).message().hasLineCount(1);
    }
}
