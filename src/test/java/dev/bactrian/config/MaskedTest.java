package dev.bactrian.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a URI hides when it is shown. */
class MaskedTest {

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '`', value = {
        "file:outbox?fileName=${header.BactrianRequestId}.json; file:outbox?fileName=${header.BactrianRequestId}.json",
        "jms:queue:results; jms:queue:results",
        "jms:queue:results?username=me&password=hunter2&deliveryMode=2; jms:queue:results?username=xxxxxx&password=xxxxxx&deliveryMode=2",
        "sftp://me:hunter2@host/in?fileName=x.json; sftp://me:xxxxxx@host/in?fileName=x.json",
        "sftp://me:hun/ter@2@host:22/in; sftp://me:xxxxxx@host:22/in",
        "http://host:8080/a@b; http://host:8080/a@b",
        "sftp://host/in?password=RAW(hun&ter=2)&fileName=x.json; sftp://host/in?password=xxxxxx&fileName=x.json",
        "kafka:t?saslJaasConfig=RAW{a b}&brokers=h:9092; kafka:t?saslJaasConfig=xxxxxx&brokers=h:9092",
        "https://host:8443/hook?k=hunter2&httpMethod=PUT; https://host:8443/hook?k=xxxxxx&httpMethod=PUT",
        "https://me:hunter2@host/hook?mail=a@b; https://me:xxxxxx@host/hook?mail=xxxxxx",
        "http://host/hook; http://host/hook",
        "kamelet:slack-sink?webhookUrl=https://hook&apiKey=hunter2; kamelet:slack-sink?webhookUrl=https://hook&apiKey=xxxxxx"})
    void aUriIsShownWithoutItsSecrets(String uri, String shown) {
        assertThat(Masked.uri(uri)).isEqualTo(shown);
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '`', value = {
        "Failed to resolve endpoint: jms://queue:x?password=hunter2&user=me due to: no; Failed to resolve endpoint: jms://queue:x?password=xxxxxx&user=xxxxxx due to: no",
        "Unknown parameters=[{accessToken=hunter2, size=3}]; Unknown parameters=[{accessToken=xxxxxx, size=3}]",
        "Connect to http://host/hook?x=hunter2 failed: refused; Connect to http://host/hook?x=xxxxxx failed: refused",
        "the archive is full; the archive is full"})
    void aTextIsShownWithoutThem(String text, String shown) {
        assertThat(Masked.text(text)).isEqualTo(shown);
    }

    @Test
    void aSecretOfADestinationIsTakenOutOfWhateverIsSaid() {
        Settings settings = Settings.of(Map.of("bactrian.emit.result", "file:out | sftp://h/x?password=RAW(hunter+2)&user=me | https://h/x?q=abc&key=hunter%203"));

        assertThat(settings.redact("login as me with hunter+2 failed: hunter 3, hunter%203, abc")).isEqualTo("login as me with *** failed: ***, ***, abc");
    }

    @ParameterizedTest
    @CsvSource({"the key u, 1", "the key up_canary_ke, 12", "the key up_canary_key, 0", "up_up_ca, 5", "'', 0", "up_canary_kex, 0"})
    void whatMayBeTheBeginningOfATokenIsFound(String text, int length) {
        Settings settings = Settings.of(Map.of("bactrian.upstage.api-key", "up_canary_key"));

        assertThat(settings.begun(text)).isEqualTo(length);
    }
}
