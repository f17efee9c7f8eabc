package dev.bactrian.replicate;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Map;

import dev.bactrian.config.Settings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A webhook signed as Replicate documentation, Verify webhooks, says, and what differs from it in one thing. */
class WebhookSignatureTest {

    private static final String SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
    private static final String OTHER = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
    private static final String ID = "msg_sim0001";
    private static final String TIME = "1760000000";
    private static final String BODY = "{\"id\":\"k7w2c9q4mnrm80cx5t1v3hz6ea\",\"status\":\"succeeded\",\"output\":[\"Hello\"]}";
    private static final String GOOD = "v1,wVHHCr9rAYW4RaarySMc8l4Y8PLxm5ro6gIc6ywMkVk=";
    private static final Instant NOW = Instant.ofEpochSecond(1_760_000_000);

    private static WebhookSignature signature(String secrets) {
        return new WebhookSignature(Settings.of(Map.of("bactrian.replicate.webhook-secret", secrets)).webhookSecrets());
    }

    private static boolean isValid(String id, String time, String signatures, String body, Instant now) {
        return signature(SECRET).isValid(id, time, signatures, body.getBytes(StandardCharsets.UTF_8), now);
    }

    @Test
    void theSignatureOfTheTestVectorIsValid() {
        assertThat(isValid(ID, TIME, GOOD, BODY, NOW)).isTrue();
    }

    @ParameterizedTest
    @CsvSource({"299, true", "300, true", "301, false", "86400, false", "-299, true", "-300, true", "-301, false", "-86400, false"})
    void aSignatureIsValidForFiveMinutesBeforeAndAfter(long seconds, boolean valid) {
        assertThat(isValid(ID, TIME, GOOD, BODY, NOW.plusSeconds(seconds))).isEqualTo(valid);
    }

    @Test
    void eachSignedPartCounts() {
        assertThat(isValid("msg_sim0002", TIME, GOOD, BODY, NOW)).isFalse();
        assertThat(isValid(ID, "1760000001", GOOD, BODY, NOW)).isFalse();
        for (int i = 0; i < BODY.length(); i++) {
            String changed = BODY.substring(0, i) + (char) (BODY.charAt(i) ^ 1) + BODY.substring(i + 1);
            assertThat(isValid(ID, TIME, GOOD, changed, NOW)).as(changed).isFalse();
        }
        assertThat(isValid(ID, TIME, GOOD, BODY + " ", NOW)).isFalse();
        assertThat(isValid(ID, TIME, GOOD, BODY.replace(",", ", "), NOW)).isFalse();
    }

    @Test
    void aMissingHeaderIsRefused() {
        assertThat(isValid(null, TIME, GOOD, BODY, NOW)).isFalse();
        assertThat(isValid(ID, null, GOOD, BODY, NOW)).isFalse();
        assertThat(isValid(ID, TIME, null, BODY, NOW)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "v1,", "v1", ",", "wVHHCr9rAYW4RaarySMc8l4Y8PLxm5ro6gIc6ywMkVk=", "v2,wVHHCr9rAYW4RaarySMc8l4Y8PLxm5ro6gIc6ywMkVk=",
        "v1,wVHHCr9rAYW4RaarySMc8l4Y8PLxm5ro6gIc6ywMkVk", "v1,xVHHCr9rAYW4RaarySMc8l4Y8PLxm5ro6gIc6ywMkVk=", "v1=wVHHCr9rAYW4RaarySMc8l4Y8PLxm5ro6gIc6ywMkVk="})
    void anotherSignatureIsRefused(String signatures) {
        assertThat(isValid(ID, TIME, signatures, BODY, NOW)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"v1,AAAA " + GOOD, GOOD + " v1,AAAA", "v2,x v1a,y " + GOOD})
    void anyOfSeveralSignaturesCounts(String signatures) {
        assertThat(isValid(ID, TIME, signatures, BODY, NOW)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "soon", "1760000000.0", "99999999999999999999", "-9223372036854775808", "0x68e7c000"})
    void aMalformedTimeIsRefused(String time) {
        assertThat(isValid(ID, time, GOOD, BODY, NOW)).isFalse();
    }

    @Test
    void whileASecretIsReplacedBothCount() {
        byte[] body = BODY.getBytes(StandardCharsets.UTF_8);

        assertThat(signature(OTHER).isValid(ID, TIME, GOOD, body, NOW)).isFalse();
        assertThat(signature(OTHER + ", " + SECRET).isValid(ID, TIME, GOOD, body, NOW)).isTrue();
        assertThat(new WebhookSignature(List.of()).isValid(ID, TIME, GOOD, body, NOW)).isFalse();
    }
}
