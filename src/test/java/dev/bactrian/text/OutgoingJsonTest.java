package dev.bactrian.text;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.generate.Documents;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever can be read can be written, and be read by others, who have the usual limits. */
class OutgoingJsonTest {

    private static JsonNode json(String text) {
        return ProviderJson.json(text.replace('\'', '"')).orElseThrow();
    }

    /** As somebody else reads what we write. */
    private static JsonNode readByOthers(JsonNode json) throws Exception {
        return new ObjectMapper().readTree(Documents.text(json));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "[]", "{'a':[1,-2.50,'b',null,true,{'c':{}}],'한글':'🐪'}", "'a'", "1E+400", "0.1000000000000000000000000001",
            "123456789012345678901234567890", "[[[[[]]]]]"})
    void whatAnybodyCanReadIsLeftAsItIs(String text) {
        JsonNode json = json(text);

        assertThat(Documents.text(json)).isEqualTo(json.toString());
    }

    @Test
    void theArgumentIsLeftAsItIs() {
        ObjectNode json = (ObjectNode) json("{'a':'\\ud83d','b':{'\\ud83d':NaN}}");
        ObjectNode before = json.deepCopy();

        assertThat(OutgoingJson.of(json)).isNotEqualTo(before);
        assertThat(json).isEqualTo(before);
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '|', value = {
            "{'a':'x\\ud83d'}; {'a':'x\uFFFD'}", "['\\udc2a',{'b':['\\ud83d\\udc2a\\ud83d']}]; ['\uFFFD',{'b':['\uD83D\uDC2A\uFFFD']}]",
            "{'\\ud83d':1,'\\udc2a':2}; {'\uFFFD':1,'\uFFFD\uFFFD':2}", "NaN; 'NaN'", "[-Infinity]; ['-Infinity']",
            "1e99999999999; 'Infinity'", "1e999999999; '1E+999999999'", "1e-999999999; '1E-999999999'"}, delimiter = ';')
    void whatCannotBePassedOnIsReplaced(String text, String written) throws Exception {
        assertThat(readByOthers(json(text))).isEqualTo(new ObjectMapper().readTree(written.replace('\'', '"')));
    }

    @ParameterizedTest
    @ValueSource(ints = {500, 501, 990, 998, 1000, 1001, 99_000})
    void whatLiesTooDeepIsANote(int levels) throws Exception {
        for (JsonNode written : new JsonNode[] {readByOthers(json("[".repeat(levels) + "1" + "]".repeat(levels))),
            readByOthers(json("{'a':".repeat(levels) + "1" + "}".repeat(levels)))}) {
            JsonNode innermost = written;
            int depth = 0;
            while (innermost.isContainerNode()) {
                innermost = innermost.iterator().next();
                depth++;
            }
            assertThat(depth).isEqualTo(500);
            assertThat(innermost).isEqualTo(levels == 500 ? JsonNodeFactory.instance.numberNode(1)
                    : JsonNodeFactory.instance.textNode("(left out: nested deeper than 500 levels)"));
        }
    }

    @Test
    void aNumberWithoutEndIsText() throws Exception {
        String digits = "7".repeat(20_000);

        assertThat(readByOthers(json("[" + digits + "]")).path(0).textValue()).isEqualTo(digits);
        assertThat(readByOthers(json("[0." + "7".repeat(900) + "]")).path(0).isNumber()).isTrue();
    }
}
