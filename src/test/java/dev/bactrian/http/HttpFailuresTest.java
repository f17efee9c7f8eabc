package dev.bactrian.http;

import static dev.bactrian.error.ErrorType.AUTHENTICATION;
import static dev.bactrian.error.ErrorType.PROVIDER_REJECTED;
import static dev.bactrian.error.ErrorType.PROVIDER_UNAVAILABLE;
import static dev.bactrian.error.ErrorType.RATE_LIMITED;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;

import dev.bactrian.core.Provider;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.replicate.Replicate;
import dev.bactrian.upstage.Upstage;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.apache.hc.client5.http.ConnectTimeoutException;
import org.apache.hc.client5.http.impl.classic.RequestFailedException;
import org.apache.hc.core5.http.ConnectionRequestTimeoutException;
import org.apache.hc.core5.http.NoHttpResponseException;
import org.apache.hc.core5.util.Deadline;
import org.apache.hc.core5.util.DeadlineTimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** From an HTTP answer, or none, to an error type; and which calls may be made again: docs/reference/documents.md and calls.md. */
class HttpFailuresTest {

    private static final Provider REPLICATE = new Replicate();
    private static final Provider UPSTAGE = new Upstage();

    private static HttpOperationFailedException answered(int status, String body) {
        return new HttpOperationFailedException("https://api.example/v1", status, "reason", null, Map.of("Retry-After", "7"), body);
    }

    /** Columns: the type; whether the call may be made again at Replicate, at Upstage; whether a poll may. */
    enum Status {
        BAD_REQUEST(400, PROVIDER_REJECTED, false, false, false),
        UNAUTHORIZED(401, AUTHENTICATION, false, false, false),
        PAYMENT_REQUIRED(402, AUTHENTICATION, false, false, false),
        FORBIDDEN(403, AUTHENTICATION, false, false, false),
        NOT_FOUND(404, PROVIDER_REJECTED, false, false, true),
        METHOD_NOT_ALLOWED(405, PROVIDER_REJECTED, false, false, false),
        REQUEST_TIMEOUT(408, PROVIDER_REJECTED, false, true, true),
        TOO_LARGE(413, PROVIDER_REJECTED, false, false, false),
        UNPROCESSABLE(422, PROVIDER_REJECTED, false, false, false),
        TOO_MANY_REQUESTS(429, RATE_LIMITED, true, true, true),
        SERVER_ERROR(500, PROVIDER_UNAVAILABLE, false, false, true),
        NOT_IMPLEMENTED(501, PROVIDER_UNAVAILABLE, false, false, true),
        BAD_GATEWAY(502, PROVIDER_UNAVAILABLE, false, true, true),
        UNAVAILABLE(503, PROVIDER_UNAVAILABLE, false, true, true),
        GATEWAY_TIMEOUT(504, PROVIDER_UNAVAILABLE, false, true, true),
        NO_STANDARD(520, PROVIDER_UNAVAILABLE, false, false, true);

        final int code;
        final ErrorType type;
        final boolean repeatedAtReplicate;
        final boolean repeatedAtUpstage;
        final boolean polledAgain;

        Status(int code, ErrorType type, boolean repeatedAtReplicate, boolean repeatedAtUpstage, boolean polledAgain) {
            this.code = code;
            this.type = type;
            this.repeatedAtReplicate = repeatedAtReplicate;
            this.repeatedAtUpstage = repeatedAtUpstage;
            this.polledAgain = polledAgain;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aStatusHasAType(Status row) {
        for (Provider provider : List.of(REPLICATE, UPSTAGE)) {
            GenerationFailure failure = HttpFailures.of(answered(row.code, ""), provider, 2);

            assertThat(failure.type()).isEqualTo(row.type);
            assertThat(failure.httpStatus()).isEqualTo(row.code);
            assertThat(failure.attempts()).isEqualTo(2);
            assertThat(failure).hasMessageContaining(provider.name()).hasMessageContaining(String.valueOf(row.code));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCallIsRepeatedOnlyWhereNothingCanHaveBeenPaidFor(Status row) {
        assertThat(HttpFailures.mayRepeat(answered(row.code, ""), REPLICATE)).isEqualTo(row.repeatedAtReplicate);
        assertThat(HttpFailures.mayRepeat(answered(row.code, ""), UPSTAGE)).isEqualTo(row.repeatedAtUpstage);
    }

    @ParameterizedTest
    @EnumSource
    void aCallRepeatedInVainIsRetryableLater(Status row) {
        assertThat(HttpFailures.of(answered(row.code, ""), REPLICATE, 4).retryable()).isEqualTo(row.repeatedAtReplicate);
    }

    @ParameterizedTest
    @ValueSource(ints = {500, 520, 522, 524, 529})
    void aChatsTransientFailureIsRetryableThoughNotRepeated(int status) {
        assertThat(HttpFailures.of(answered(status, ""), UPSTAGE, 1).retryable()).isTrue();
        assertThat(HttpFailures.mayRepeat(answered(status, ""), UPSTAGE)).isFalse();
        assertThat(HttpFailures.of(answered(status, ""), REPLICATE, 1).retryable()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 401, 501, 530})
    void aChatThatWasRefusedIsNotRetryable(int status) {
        assertThat(HttpFailures.of(answered(status, ""), UPSTAGE, 1).retryable()).isFalse();
    }

    @ParameterizedTest
    @EnumSource
    void aPollIsRepeatedWhereThatMayHelp(Status row) {
        assertThat(HttpFailures.mayPollAgain(answered(row.code, ""))).isEqualTo(row.polledAgain);
    }

    /** What the provider says in a body, as it shows in the message. */
    enum Said {
        UPSTAGE("{\"error\":{\"message\":\"requested model is not available\",\"type\":\"invalid_request_error\",\"param\":\"\",\"code\":\"x\"}}",
                "requested model is not available"),
        DETAIL("{\"detail\":\"no such resource\",\"status\":404}", "no such resource"),
        TITLE_AND_DETAIL("{\"title\":\"Unauthenticated\",\"detail\":\"token missing or not valid\",\"status\":401}", "token missing or not valid"),
        TITLE("{\"title\":\"Unauthenticated\"}", "Unauthenticated"),
        ERROR("{\"error\":\"no\"}", "no"),
        MESSAGE("{\"message\":\"not now\"}", "not now"),
        SEVERAL_LINES("{\"detail\":\"- input: prompt is required\\n- input.seed: too large\\n\"}", "- input: prompt is required - input.seed: too large"),
        DETAIL_LIST("{\"detail\":[{\"loc\":[\"body\",\"messages\",0],\"msg\":\"field required\"},{\"loc\":[\"body\",\"n\"],\"msg\":\"too many\"}]}",
                "body.messages.0: field required; body.n: too many"),
        ERROR_AND_MESSAGE("{\"statusCode\":400,\"error\":\"Bad Request\",\"message\":[\"n is too large\",\"x is missing\"]}", "Bad Request: n is too large; x is missing"),
        DETAIL_AND_ERRORS("{\"detail\":\"not valid\",\"errors\":{\"temperature\":[\"is too high\"]}}", "not valid: temperature: is too high"),
        PLAIN("404 page not found\n", "404 page not found"),
        CONTROL_CHARACTERS("{\"error\":\"a\\u001b[31mb\\u0000c\\td\"}", "a\\u001b[31mb\\u0000c d"),
        HALF_A_CHARACTER("{\"error\":\"a\\ud83d\"}", "a\uFFFD"),
        KOREAN("{\"detail\":\"모델이 없습니다\"}", "모델이 없습니다");

        final String body;
        final String words;

        Said(String body, String words) {
            this.body = body;
            this.words = words;
        }
    }

    @ParameterizedTest
    @EnumSource
    void theProvidersOwnWordsAreInTheMessage(Said row) {
        assertThat(HttpFailures.of(answered(422, row.body), REPLICATE, 1)).hasMessageEndingWith(": " + row.words).message().hasLineCount(1);
    }

    @ParameterizedTest
    @EnumSource
    void aBodyWithoutWordsLeavesTheStatusAlone(Wordless row) {
        assertThat(HttpFailures.of(answered(502, row.body), UPSTAGE, 1)).hasMessage("upstage answered 502");
    }

    enum Wordless {
        NONE(null),
        EMPTY(""),
        HTML("<html><head><title>502 Bad Gateway</title></head></html>"),
        EMPTY_OBJECT("{}"),
        LIST("[]"),
        HALF("{\"detail\":\"no"),
        NULLS("{\"detail\":null,\"title\":null,\"error\":null}"),
        BLANK("{\"detail\":\" \"}"),
        OBJECT_FOR_DETAIL("{\"detail\":{\"a\":1}}");

        final String body;

        Wordless(String body) {
            this.body = body;
        }
    }

    /** Columns: the exception; whether the connection was not even made. */
    enum Broken {
        REFUSED(new ConnectException("Connection refused"), true),
        UNKNOWN_HOST(new UnknownHostException("api.example"), true),
        NO_ROUTE(new NoRouteToHostException("No route to host"), true),
        CONNECT_TIMEOUT(new ConnectTimeoutException("Connect timed out"), true),
        NO_CONNECTION_FREE(new ConnectionRequestTimeoutException("Timeout deadline: 10000 MILLISECONDS"), true),
        NO_CONNECTION_FREE_IN_THE_POOL(new RequestFailedException("Request execution failed", DeadlineTimeoutException.from(Deadline.MIN_VALUE)), true),
        ABORTED(new RequestFailedException("Request aborted", new InterruptedException()), false),
        READ_TIMEOUT(new SocketTimeoutException("Read timed out"), false),
        RESET(new SocketException("Connection reset"), false),
        NO_SOCKET(new SocketException("Too many open files"), true),
        NO_FILE_FOR_THE_ANSWER(new FileNotFoundException("/tmp/cos1.tmp (Too many open files)"), false),
        NO_ANSWER(new NoHttpResponseException("failed to respond"), false),
        WITHOUT_MESSAGE(new IOException(), false);

        final IOException cause;
        final boolean notConnected;

        Broken(IOException cause, boolean notConnected) {
            this.cause = cause;
            this.notConnected = notConnected;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aBrokenConnectionMeansUnavailable(Broken row) {
        GenerationFailure failure = HttpFailures.of(row.cause, REPLICATE, 3);

        assertThat(failure.type()).isEqualTo(PROVIDER_UNAVAILABLE);
        assertThat(failure.httpStatus()).isNull();
        assertThat(failure.attempts()).isEqualTo(3);
        assertThat(failure).message().startsWith("replicate ").doesNotContain("null").hasLineCount(1);
    }

    @ParameterizedTest
    @EnumSource
    void aCallIsRepeatedWhereTheConnectionCouldNotBeMade(Broken row) {
        assertThat(HttpFailures.mayRepeat(row.cause, REPLICATE)).isEqualTo(row.notConnected);
        assertThat(HttpFailures.mayRepeat(row.cause, UPSTAGE)).isEqualTo(row.notConnected);
    }

    @ParameterizedTest
    @EnumSource
    void aCreateWhoseAnswerWasLostIsNotSaidToBeRetryable(Broken row) {
        assertThat(HttpFailures.of(row.cause, REPLICATE, 1).retryable()).isEqualTo(row.notConnected);
    }

    @ParameterizedTest
    @EnumSource
    void aPollIsRepeatedOnEveryBrokenConnection(Broken row) {
        assertThat(HttpFailures.mayPollAgain(row.cause)).isTrue();
    }

    @Test
    void anAnswerThatIsTooLargeNamesTheLimit() {
        GenerationFailure failure = HttpFailures.of(new ResponseTooLargeException(64), REPLICATE, 1);

        assertThat(failure).hasMessageContaining("bactrian.max-response-bytes").hasMessageContaining("64");
        assertThat(failure.retryable()).isFalse();
    }

    @Test
    void anAnswerThatIsTooLargeIsNotAskedForAgain() {
        assertThat(HttpFailures.mayPollAgain(new ResponseTooLargeException(64))).isFalse();
        assertThat(HttpFailures.mayRepeat(new ResponseTooLargeException(64), UPSTAGE)).isFalse();
    }

    @Test
    void aFailureThatIsKnownAlreadyStaysWhatItIs() {
        GenerationFailure known = new GenerationFailure(AUTHENTICATION, "bactrian.upstage.api-key is not set");

        GenerationFailure failure = HttpFailures.of(known, UPSTAGE, 1);

        assertThat(failure.type()).isEqualTo(AUTHENTICATION);
        assertThat(failure).hasMessage("bactrian.upstage.api-key is not set");
    }

    @Test
    void headersAndBodyOfAnErrorAnswerAreKept() {
        assertThat(HttpFailures.headers(answered(429, "{}"))).containsEntry("Retry-After", "7");
        assertThat(HttpFailures.body(answered(429, "{}"))).isEqualTo("{}");
    }

    @Test
    void withoutAnAnswerThereAreNeitherHeadersNorABody() {
        assertThat(HttpFailures.headers(new IOException())).isEmpty();
        assertThat(HttpFailures.body(new IOException())).isNull();
        assertThat(HttpFailures.headers(new HttpOperationFailedException("u", 500, "r", null, null, null))).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(quoteCharacter = '`', value = {
        "true, `{\"error\":{\"message\":\"key suspended, no credit\",\"type\":\"invalid_request_error\",\"param\":\"\",\"code\":\"api_key_is_not_allowed\"}}`",
        "true, `{\"title\":\"Insufficient credit\",\"detail\":\"add credit to use this model\",\"status\":403}`",
        "true, `{\"detail\":\"This token was revoked\"}`",
        "true, Your account is closed",
        "false, `{\"error\":{\"message\":\"Project p1 does not have access to model m\",\"code\":\"model_not_found\"}}`",
        "false, `{\"error\":{\"message\":\"your organization may not use this\",\"code\":\"model_permission_blocked_org\"}}`",
        "false, `{\"detail\":\"You do not have permission to perform this action\"}`",
        "false, <html><title>Attention Required</title></html>",
        "false, ``"})
    void a403IsAboutTheKeyIfItsCodeOrItsWordsSaySo(boolean ofTheKey, String body) {
        assertThat(HttpFailures.isAboutTheKey(body)).isEqualTo(ofTheKey);
    }
}
