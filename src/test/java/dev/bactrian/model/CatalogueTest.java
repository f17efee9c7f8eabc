package dev.bactrian.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.function.Function;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

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
        Catalogue catalogue = Catalogue.read("models.yaml", text, PARENTS, null);
        catalogue.requireProviders(other -> false);
        return catalogue;
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
    void theModelsToTryAreThoseOfTheModelElseThoseOfItsProvider() {
        Catalogue catalogue = read("""
                extends: base.yaml
                providers:
                  upstage:
                    fallback: [writer, any/model]
                    models:
                      - id: lunar
                        fallback: [sun]
                      - id: alone
                        fallback: []
                """);
        assertThat(catalogue.fallback(resolve(catalogue, "solar"))).extracting(Model::id).containsExactly("acme/writer", "any/model");
        assertThat(catalogue.fallback(resolve(catalogue, "lunar"))).extracting(Model::id).containsExactly("solar");
        assertThat(catalogue.fallback(resolve(catalogue, "alone"))).isEmpty();
        assertThat(catalogue.fallback(resolve(catalogue, "writer"))).isEmpty();
        assertThatThrownBy(() -> read(BASE.replace("- id: lunar", "- id: lunar\n        fallback: [moon]")))
                .hasMessage("models.yaml: lunar: fallback 'moon' is not a model of the catalogue and not owner/name[:version] of Replicate");
        assertThatThrownBy(() -> read(BASE.replace("- id: lunar", "- id: lunar\n        fallback: sun")))
                .hasMessage("models.yaml: lunar: fallback is not a list");
    }

    @Test
    void namesAreListedInTheOrderOfTheFile() {
        assertThat(read(BASE).names(ProviderName.UPSTAGE)).containsExactly("solar", "lunar", "sun");
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
        assertThat(both.resolve(null, ProviderName.UPSTAGE, null).id()).isEqualTo("lunar");
        assertThat(both.resolve(null, ProviderName.REPLICATE, null).id()).isEqualTo("acme/writer");
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
        UNKNOWN_PROTOCOL("default-model: a\nproviders: {upstage: {models: [{id: a}]}, groq: {protocol: grpc, endpoint: 'http://a'}}",
                "groq: protocol 'grpc' is not openai"),
        ENDPOINT_WITHOUT_PROTOCOL("default-model: a\nproviders: {upstage: {models: [{id: a}]}, groq: {endpoint: 'http://a'}}",
                "groq: endpoint without protocol: openai"),
        ENDPOINT_IS_NO_URL("default-model: a\nproviders: {upstage: {models: [{id: a}]}, groq: {protocol: openai, endpoint: a/v1}}",
                "groq: endpoint: 'a/v1' is not an http or https URL"),
        PROTOCOL_OF_OURS("default-model: a\nproviders: {upstage: {protocol: openai, endpoint: 'http://a', models: [{id: a}]}}",
                "upstage: a provider with a protocol cannot have this name"),
        NAME_OF_PROPERTIES("default-model: a\nproviders: {upstage: {models: [{id: a}]}, jms: {protocol: openai, endpoint: 'http://a'}}",
                "jms: a provider with a protocol cannot have this name, because Bactrian has properties bactrian.jms"),
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

    @ParameterizedTest
    @ValueSource(strings = {"4.10", "12345678e10", "0x1F", "0o17", "on", "no", "true", "2026-01-01", "1_000", ".inf", "1e3", "'null'", "007", "=", "12:30:45"})
    void aNameIsTextAsItIsWritten(String name) {
        Catalogue catalogue = read("""
                default-model: NAME
                providers:
                  upstage:
                    default-model: NAME
                    models:
                      - {id: NAME, version: NAME}
                      - {id: other, aliases: [NAME-2]}
                  replicate:
                    models: [{id: a/NAME}]
                """.replace("NAME-2", name.equals("'null'") ? "null-2" : name + "-2").replace("a/NAME", "a/x").replace("NAME", name));
        String text = name.replace("'", "");

        assertThat(catalogue.names(ProviderName.UPSTAGE)).containsExactly(text, "other", text + "-2");
        assertThat(catalogue.resolve(null, null, null).id()).isEqualTo(text);
        assertThat(resolve(catalogue, text).version()).isEqualTo(text);
    }

    /** What no catalogue is, and what its one line must name. */
    enum Hostile {
        CYCLIC_LIST("default-model: a\nproviders: {upstage: {models: &a [*a]}}", "holds itself"),
        CYCLIC_MAP("default-model: a\nproviders: &p {upstage: {models: [{id: a, aliases: [*p]}]}}", "holds itself"),
        CYCLIC_KEY("default-model: a\nproviders: &p {*p : a}", "models.yaml"),
        CYCLIC_PROVIDERS("providers: &p\n  upstage: *p\n  replicate: *p", "holds itself"),
        CYCLIC_ROOT("&r\nproviders: *r", "holds itself"),
        ALIAS_OF_NOTHING("providers: *nothing", "nothing"),
        DEEP_LISTS("providers: " + "[".repeat(100_000) + "]".repeat(100_000), "deep"),
        DEEP_MAPS("providers: " + "{a: ".repeat(100_000) + "}".repeat(100_000), "deep"),
        DEEP_AND_OPEN("providers: " + "[".repeat(100_000), "deep"),
        DEEP_BLOCKS("providers:\n  " + "- ".repeat(100_000) + "x", "deep"),
        DEEP_A_LITTLE("providers: " + "[".repeat(30) + "]".repeat(30), "deep"),
        LAUGHS(laughs(), "aliases"),
        MANY_MODELS_IN_ONE("default-model: a\nx: &l [" + "a, ".repeat(1000) + "]\nproviders: {upstage: {models: [*l, *l]}}", "'x'"),
        ID_IS_A_LIST("default-model: a\nproviders: {upstage: {models: [{id: [a]}]}}", "id is not text"),
        ALIAS_IS_A_MAP("default-model: a\nproviders: {upstage: {models: [{id: a, aliases: [{b: c}]}]}}", "models.yaml: a: an alias is not text"),
        ALIAS_IS_NOTHING("default-model: a\nproviders: {upstage: {models: [{id: a, aliases: [null]}]}}", "models.yaml: a: an alias is not text"),
        VERSION_IS_A_LIST("default-model: a\nproviders: {upstage: {models: [{id: a, version: [1]}]}}", "models.yaml: a: version is not text"),
        DEFAULT_IS_A_LIST("default-model: [a]\nproviders: {upstage: {models: [{id: a}]}}", "default-model is not text"),
        EXTENDS_A_LIST("extends: [base.yaml]", "extends is not text"),
        EMPTY_ID("default-model: a\nproviders: {upstage: {models: [{id: ''}]}}", "id is empty"),
        TWO_LINES("default-model: a\nproviders: {upstage: {models: [{id: \"a\\n2026-01-01 FORGED\"}]}}", "a\\n2026-01-01 FORGED"),
        ESCAPES("default-model: a\nproviders: {upstage: {models: [{id: a, aliases: [\"b\\e[2J\\u2028c\"]}]}}", "models.yaml: a: an alias 'b\\u001b[2J\\u2028c'"),
        LIST_AS_KEY("default-model: a\nproviders: {[upstage]: {models: [{id: a}]}}", "calar"),
        FIELD_TWICE("default-model: a\ndefault-model: b\nproviders: {upstage: {models: [{id: a}]}}", "'default-model' is given twice"),
        MERGED("default-model: a\nproviders: {upstage: {<<: {models: [{id: a}]}}}", "'<<'"),
        STRANGE_ESCAPE("default-model: \"\\UFFFFFFFF\"\nproviders: {}", "models.yaml"),
        TOO_LARGE("# " + "x".repeat(4_000_000) + "\nproviders: {}", "longer");

        private final String text;
        private final String named;

        Hostile(String text, String named) {
            this.text = text;
            this.named = named;
        }

        private static String laughs() {
            StringBuilder laughs = new StringBuilder("laugh0: &l0 [ha, ha]\n");
            for (int i = 1; i < 10; i++) {
                laughs.append("laugh").append(i).append(": &l").append(i).append(" [")
                        .append(("*l" + (i - 1) + ", ").repeat(10)).append("]\n");
            }
            return laughs.append("providers: {upstage: {models: *l9}}\n").toString();
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatIsNoCatalogueIsRefusedInOneLine(Hostile row) {
        assertThatThrownBy(() -> read(row.text)).isInstanceOf(IllegalArgumentException.class).hasMessageStartingWith("models.yaml: ")
                .hasMessageContaining(row.named).message().hasLineCount(1).hasSizeLessThan(500).doesNotContain("\u001B", "\u2028");
    }

    @Test
    void anAliasOfYamlStandsForWhatItRepeats() {
        Catalogue catalogue = read("""
                default-model: &name solar
                providers:
                  upstage:
                    default-model: *name
                    models: &all
                      - id: *name
                  replicate: {models: []}
                """);

        assertThat(catalogue.names(null)).containsExactly("solar");
    }

    @Test
    void aByteOrderMarkIsNoPartOfIt() {
        assertThat(read("\uFEFF" + BASE).names(ProviderName.UPSTAGE)).containsExactly("solar", "lunar", "sun");
    }
}
