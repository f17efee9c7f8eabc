package dev.bactrian.replicate;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import java.util.Optional;

import dev.bactrian.core.Poll;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A prediction as the answers show it: Replicate HTTP API reference, predictions.get. */
class PredictionTest {

    private static Optional<Prediction> created(String json) {
        return Prediction.read(ProviderJson.json(json.replace('\'', '"')).orElseThrow(), null);
    }

    private static Optional<Prediction> seen(String json) {
        return Prediction.read(ProviderJson.json(json.replace('\'', '"')).orElseThrow(), "p1");
    }

    @ParameterizedTest
    @CsvSource({"starting, STARTING, false", "processing, PROCESSING, false", "succeeded, SUCCEEDED, true", "failed, FAILED, true",
        "canceled, CANCELED, true", "aborted, ABORTED, true", "queued, UNKNOWN, false", "unknown, UNKNOWN, false", "successful, UNKNOWN, false",
        "SUCCEEDED, SUCCEEDED, true", "Aborted, ABORTED, true"})
    void aPredictionHasEndedInFourStatesAndIsStillRunningInAnyOther(String status, PredictionStatus expected, boolean terminal) {
        Prediction prediction = seen("{'id':'p1','status':'" + status + "'}").orElseThrow();

        assertThat(prediction.status()).isEqualTo(expected);
        assertThat(prediction.status().terminal()).isEqualTo(terminal);
        assertThat(prediction.rawStatus()).isEqualTo(status);
    }

    @Test
    void aStatusIsReadTheSameInTurkey() {
        Locale before = Locale.getDefault();
        Locale.setDefault(Locale.forLanguageTag("tr"));
        try {
            assertThat(seen("{'id':'p1','status':'PROCESSING'}").orElseThrow().status()).isEqualTo(PredictionStatus.PROCESSING);
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void idAndStatusAreEnough() {
        Prediction prediction = seen("{'id':'p1','status':'processing'}").orElseThrow();

        assertThat(prediction.output()).isNull();
        assertThat(prediction.logs()).isEmpty();
        assertThat(prediction.dataRemoved()).isFalse();
    }

    @Test
    void processingWithoutAnOutputIsNotTheEnd() {
        assertThat(created("{'id':'p1','status':'processing','output':null}").orElseThrow().status().terminal()).isFalse();
    }

    @Test
    void aNullOutputIsNone() {
        assertThat(seen("{'id':'p1','status':'succeeded','output':null}").orElseThrow().output()).isNull();
    }

    @Test
    void aCreateMayBeAnsweredWithTheIdAlone() {
        assertThat(created("{'id':'p1'}").orElseThrow().status()).isEqualTo(PredictionStatus.STARTING);
    }

    /** Answers to a poll that are no predictions. */
    enum NoPrediction {
        NO_STATUS("{'id':'p1'}"),
        NULL_STATUS("{'id':'p1','status':null}"),
        BLANK_STATUS("{'id':'p1','status':' '}"),
        NUMBER("{'id':'p1','status':200}"),
        PROBLEM("{'detail':'no such resource','status':404}"),
        LIST("[{'id':'p1','status':'succeeded'}]"),
        STRING("'succeeded'"),
        EMPTY("{}");

        final String json;

        NoPrediction(String json) {
            this.json = json;
        }
    }

    @ParameterizedTest
    @EnumSource
    void anAnswerWithoutAStateIsNoPrediction(NoPrediction row) {
        assertThat(seen(row.json)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{'status':'starting'}", "{'id':5,'status':'starting'}", "{'id':null,'status':'starting'}", "[]", "'p1'"})
    void aCreateAnsweredWithoutAnIdIsNoPrediction(String json) {
        assertThat(created(json)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"'other'", "'P1'", "''", "'p1 '", "7", "{'id':'p1'}", "['p1']", "true"})
    void anotherPredictionIsNotTheOneThatWasPolled(String id) {
        assertThat(seen("{'id':" + id + ",'status':'succeeded','output':'x'}")).isEmpty();
    }

    @Test
    void aPollStaysWithTheIdItAskedFor() {
        assertThat(seen("{'status':'processing'}").orElseThrow().id()).isEqualTo("p1");
        assertThat(seen("{'id':null,'status':'processing'}").orElseThrow().id()).isEqualTo("p1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"k7w2c9q4mnrm80cx5t1v3hz6ea", "p1", "A-b_9", "x"})
    void anIdOfLettersAndDigitsIsUsed(String id) {
        assertThat(Poll.isValidId(id)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "a/b", "../admin?x=1#y", "a?b", "a#b", "a%2Fb", "a b", " a", "a\n", "a\u0000", "한글", "a:b", "a\\b", "a.b"})
    void anyOtherIdIsNotUsed(String id) {
        assertThat(Poll.isValidId(id)).isFalse();
    }

    @Test
    void anIdWithoutEndIsNotUsed() {
        assertThat(Poll.isValidId("x".repeat(128))).isTrue();
        assertThat(Poll.isValidId("x".repeat(129))).isFalse();
        assertThat(Poll.isValidId("x".repeat(10_240))).isFalse();
    }

    /** What a failed prediction says, and what its reason must hold. */
    enum Reason {
        ERROR("'error':'NSFW content detected'", "NSFW content detected"),
        ERROR_OVER_LINES("'error':'one\\ntwo\\n'", "one two"),
        OBJECT_WITH_DETAIL("'error':{'detail':'out of memory'}", "out of memory"),
        OBJECT_WITH_MESSAGE("'error':{'message':'out of memory'}", "out of memory"),
        OTHER_OBJECT("'error':{'code':'E1001'}", "E1001"),
        LIST("'error':['E1001']", "E1001"),
        NULL_WITH_LOGS("'error':null,'logs':'loading\\nTraceback\\nValueError: no seed\\n\\n'", "p1", "ValueError: no seed"),
        EMPTY_WITH_LOGS("'error':'','logs':'loading\\nValueError: no seed\\n'", "p1", "ValueError: no seed"),
        BLANK_WITH_LOGS("'error':' \\n','logs':'ValueError: no seed'", "p1", "ValueError: no seed"),
        ABSENT_WITH_LOGS("'logs':'ValueError: no seed'", "p1", "ValueError: no seed"),
        NULL_WITHOUT_LOGS("'error':null,'logs':null", "p1", "no reason"),
        EMPTY_WITHOUT_LOGS("'error':'','logs':''", "p1", "no reason"),
        ABSENT_WITHOUT_LOGS("'x':1", "p1", "no reason");

        final String fields;
        final String[] said;

        Reason(String fields, String... said) {
            this.fields = fields;
            this.said = said;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aFailureAlwaysHasAReason(Reason row) {
        assertThat(seen("{'id':'p1','status':'failed'," + row.fields + "}").orElseThrow().reason()).contains(row.said).hasLineCount(1);
    }

    @Test
    void theServicesOwnWordsAreTheWholeReason() {
        assertThat(seen("{'id':'p1','status':'failed','error':'NSFW content detected','logs':'x'}").orElseThrow().reason()).isEqualTo("NSFW content detected");
    }

    @Test
    void aResumedPredictionIsStillRunning() {
        assertThat(Prediction.recalled("p1").status().terminal()).isFalse();
        assertThat(Prediction.recalled("p1").id()).isEqualTo("p1");
    }

    @Test
    void aRemovedOutputIsKnownForWhatItIs() {
        assertThat(seen("{'id':'p1','status':'succeeded','output':null,'data_removed':true}").orElseThrow().dataRemoved()).isTrue();
    }
}
