package dev.bactrian.replicate;

import static dev.bactrian.model.Kind.IMAGE;
import static dev.bactrian.model.Kind.TEXT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Collections;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.model.Kind;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What comes of an output by its shape and the model's kind: Replicate HTTP API reference, predictions.get. */
class PredictionOutputTest {

    private static final String URL = "https://replicate.delivery/out.png";
    private static final String DATA = "data:image/png;base64,iVBORw0KGgo=";

    /** Columns: the model's kind (null: nobody knows), the output as JSON, the answer's fields that tell. */
    enum Shape {
        TEXT_STRING(TEXT, "'Hi there'", "{'kind':'text','text':'Hi there','chunks':1}"),
        TEXT_PIECES(TEXT, "['\\n\\nHi',' there','']", "{'kind':'text','text':'\\n\\nHi there','chunks':2}"),
        TEXT_EMPTY_STRING(TEXT, "''", "{'kind':'text','text':'','chunks':0}"),
        TEXT_EMPTY_PIECES(TEXT, "['','']", "{'kind':'text','text':'','chunks':0}"),
        TEXT_EMPTY_LIST(TEXT, "[]", "{'kind':'text','text':'','chunks':0}"),
        TEXT_NOTHING(TEXT, null, "{'kind':'text','text':'','chunks':0}"),
        TEXT_URL(TEXT, "'" + URL + "'", "{'kind':'text','text':'" + URL + "','chunks':1}"),
        TEXT_URLS(TEXT, "['" + URL + "','" + URL + "']", "{'kind':'text','text':'" + URL + URL + "','chunks':2}"),
        TEXT_OBJECT(TEXT, "{'a':[1,2.50]}", "{'kind':'text','output':{'a':[1,2.50]}}"),
        TEXT_NUMBER(TEXT, "0.30", "{'kind':'text','output':0.30}"),
        TEXT_BOOLEAN(TEXT, "true", "{'kind':'text','output':true}"),
        TEXT_MIXED_LIST(TEXT, "['a',1]", "{'kind':'text','output':['a',1]}"),
        TEXT_LIST_WITH_NULL(TEXT, "['a',null]", "{'kind':'text','output':['a',null]}"),

        IMAGE_URL(IMAGE, "'" + URL + "'", "{'kind':'image','prompt':'a cat','images':[{'url':'" + URL + "'}]}"),
        IMAGE_URLS(IMAGE, "['" + URL + "','" + URL + "?2']", "{'kind':'image','prompt':'a cat','images':[{'url':'" + URL + "'},{'url':'" + URL + "?2'}]}"),
        IMAGE_DATA(IMAGE, "['" + DATA + "']", "{'kind':'image','prompt':'a cat','images':[{'url':'" + DATA + "'}]}"),
        IMAGE_PLAIN_HTTP(IMAGE, "'http://localhost:1/o.png'", "{'kind':'image','prompt':'a cat','images':[{'url':'http://localhost:1/o.png'}]}"),
        IMAGE_CAPITALS(IMAGE, "'HTTPS://x/o.png'", "{'kind':'image','prompt':'a cat','images':[{'url':'HTTPS://x/o.png'}]}"),
        IMAGE_OBJECT(IMAGE, "{'image':'" + URL + "'}",
                "{'kind':'image','prompt':'a cat','images':[{'url':'" + URL + "'}],'output':{'image':'" + URL + "'}}"),
        IMAGE_OBJECT_WITHOUT_URLS(IMAGE, "{'image':null}", "{'kind':'image','prompt':'a cat','output':{'image':null}}"),
        IMAGE_AFTER_NULL(IMAGE, "[null,'" + URL + "']", "{'kind':'image','prompt':'a cat','images':[{'url':'" + URL + "'}]}"),
        IMAGE_BESIDE_TEXT(IMAGE, "['" + URL + "','filtered']",
                "{'kind':'image','prompt':'a cat','images':[{'url':'" + URL + "'}],'output':['" + URL + "','filtered']}"),
        IMAGE_TEXT(IMAGE, "'filtered'", "{'kind':'text','text':'filtered','chunks':1}"),

        UNKNOWN_URL(null, "'" + URL + "'", "{'kind':'image','prompt':'a cat','images':[{'url':'" + URL + "'}]}"),
        UNKNOWN_DATA(null, "'" + DATA + "'", "{'kind':'image','prompt':'a cat','images':[{'url':'" + DATA + "'}]}"),
        UNKNOWN_STRING(null, "'Hi'", "{'kind':'text','text':'Hi','chunks':1}"),
        UNKNOWN_PIECES(null, "['H','i']", "{'kind':'text','text':'Hi','chunks':2}"),
        UNKNOWN_TEXT_THAT_BEGINS_LIKE_A_URL(null, "'https://x is a site'", "{'kind':'text','text':'https://x is a site','chunks':1}"),
        UNKNOWN_WORD_DATA(null, "'data: nothing'", "{'kind':'text','text':'data: nothing','chunks':1}"),
        UNKNOWN_URL_AND_TEXT(null, "['" + URL + "',' and']", "{'kind':'text','text':'" + URL + " and','chunks':2}"),
        UNKNOWN_OBJECT(null, "{'audio':'" + URL + "'}",
                "{'kind':'image','prompt':'a cat','images':[{'url':'" + URL + "'}],'output':{'audio':'" + URL + "'}}"),
        UNKNOWN_OBJECT_WITHOUT_URLS(null, "{'audio':'none'}", "{'kind':'text','output':{'audio':'none'}}"),
        UNKNOWN_NESTED_LIST(null, "[['" + URL + "']]",
                "{'kind':'image','prompt':'a cat','images':[{'url':'" + URL + "'}],'output':[['" + URL + "']]}"),
        UNKNOWN_LIST_WITH_NULL(null, "['a',null]", "{'kind':'text','output':['a',null]}"),
        UNKNOWN_NOTHING(null, null, "{'kind':'text','text':'','chunks':0}");

        final Kind kind;
        final JsonNode output;
        final String answer;

        Shape(Kind kind, String output, String answer) {
            this.kind = kind;
            this.output = output == null ? null : ProviderJson.json(output.replace('\'', '"')).orElseThrow();
            this.answer = answer.replace('\'', '"');
        }
    }

    private static PredictionOutput read(JsonNode output, Kind kind) {
        return PredictionOutput.read(output, kind, "a cat");
    }

    @ParameterizedTest
    @EnumSource
    void anOutputIsReadByItsShapeAndTheModelsKind(Shape row) {
        assertThat(read(row.output, row.kind).answer()).hasToString(row.answer);
    }

    @ParameterizedTest
    @EnumSource
    void chunksAreThePiecesOfTextAndNeverEmpty(Shape row) {
        PredictionOutput output = read(row.output, row.kind);

        assertThat(output.chunks()).doesNotContain("").hasSize(output.answer().path("chunks").asInt());
        assertThat(String.join("", output.chunks())).isEqualTo(output.answer().path("text").asText(""));
    }

    @ParameterizedTest
    @EnumSource
    void theKindIsTheDocuments(Shape row) {
        PredictionOutput output = read(row.output, row.kind);

        assertThat(output.kind().toString()).isEqualTo(output.answer().path("kind").asText());
    }

    /** What an image model must not put out. */
    enum NoImage {
        NOTHING(null),
        EMPTY_LIST("[]"),
        EMPTY_STRING("''"),
        EMPTY_STRINGS("['','']"),
        NULLS("[null,null]");

        final JsonNode output;

        NoImage(String output) {
            this.output = output == null ? null : ProviderJson.json(output.replace('\'', '"')).orElseThrow();
        }
    }

    @ParameterizedTest
    @EnumSource
    void anImageModelWithoutAnImageIsAnError(NoImage row) {
        assertThatThrownBy(() -> read(row.output, IMAGE)).isInstanceOfSatisfying(GenerationFailure.class,
                failure -> assertThat(failure.type()).isEqualTo(ErrorType.EMPTY_OUTPUT));
    }

    @Test
    void tenThousandPiecesAreNothingSpecial() {
        ArrayNode pieces = JsonNodeFactory.instance.arrayNode();
        Collections.nCopies(10_000, "가 ").forEach(pieces::add);

        PredictionOutput output = read(pieces, TEXT);

        assertThat(output.chunks().size()).isEqualTo(10_000);
        assertThat(output.answer().path("text").asText().equals("가 ".repeat(10_000))).isTrue();
    }

    @Test
    void filesAreFoundHoweverDeepTheValueIs() {
        JsonNode deep = ProviderJson.json("{\"a\":".repeat(50_000) + "1" + "}".repeat(50_000)).orElseThrow();
        JsonNode output = JsonNodeFactory.instance.arrayNode().add(URL).add(deep);

        assertThat(read(output, null).answer().path("images").size()).isEqualTo(1);
    }

    /** What a stream has brought, the whole output's pieces, and what is left of them (S: nothing fits). Halves: H, L. */
    @ParameterizedTest
    @CsvSource({"hi R, hi H;L there, R there", "hi RR th, hi H;L there, ere", "'hi ', hi H;L there, C there", "hi C, hi H;L there, ' there'",
            "hi R, hi H, ''", "hi X, hi H;L there, S"})
    void whatAStreamMadeOfHalvesIsTheBeginningOfTheOutput(String streamed, String pieces, String rest) {
        ArrayNode output = JsonNodeFactory.instance.arrayNode();
        for (String piece : spell(pieces).split(";")) {
            output.add(piece);
        }
        PredictionOutput read = read(output, TEXT);

        assertThat(read.beginsWith(spell(streamed))).isEqualTo(!rest.equals("S"));
        assertThat(String.join("", read.after(spell(streamed), 1).chunks())).isEqualTo(rest.equals("S") ? "" : spell(rest));
    }

    private static String spell(String text) {
        return text.replace('R', '\uFFFD').replace("C", "\uD83D\uDC2A").replace('H', '\uD83D').replace('L', '\uDC2A');
    }

    @Test
    void piecesStayInTheirOrder() {
        assertThat(read(JsonNodeFactory.instance.arrayNode().add("c").add("a").add("b"), TEXT).chunks()).isEqualTo(List.of("c", "a", "b"));
    }
}
