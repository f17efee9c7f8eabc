package dev.bactrian.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** URLs as users write them. */
class UrlTest {

    @ParameterizedTest
    @CsvSource({
        "HTTP://Example.COM/a?b=C, http://example.com/a?b=C",
        "https://my_host:8443/v1, https://my_host:8443/v1",
        "http://한글.example/v1, http://xn--bj0bj06e.example/v1",
        "http://xn--bj0bj06e.example/v1, http://xn--bj0bj06e.example/v1",
        "https://host/경로/{id}?x=y, https://host/%EA%B2%BD%EB%A1%9C/{id}?x=y",
        "http://127.0.0.1:1/x, http://127.0.0.1:1/x",
        "http://[::1]:65535/x, http://[::1]:65535/x",
        "https://host.:/x, https://host./x",
        "https://host, https://host",
        "https://host?x=@, https://host?x=@",
    })
    void whatCanBeCalledIsTakenAsItGoesOnTheWire(String written, String called) {
        assertThat(Url.of(written)).hasToString(called);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "http://host:0/x", "http://host:99999/x", "http://host:65536", "http://host:-1/x", "http://host:x/", "http://:80/x", "http:///x", "http://",
        "http:/host/x", "http://./x", "http://a..b/x", "http://.a/x", "http://-a/x", "http://a-/x", "http://a b/x", "http://a/x y", "http://a/x#y",
        "http://a\tb/", "http://a/\u0000", "http://[::1", "http://::1/", "http://[x]/", "http://256.1.1.1/", "http://1.2.3/", "http://{id}.example/",
        "http://exa%6Dple/", "http://a\\b/", "ftp://host/x", "host/x", "", "http", "http://a,b/", "http://한..글/",
    })
    void whatCannotBeCalledIsRefused(String written) {
        assertThatThrownBy(() -> Url.of(written)).isInstanceOf(IllegalArgumentException.class).message().isNotBlank();
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "https://ann:canary@host/x", "https://canary@host/x", "https://ann:can/ary@host/x", "https://ann:c@canary@host:99999/x", "ftp://ann:canary@host/x",
        "ann:canary@host", "https://ann:canary", "https://ann:canary@/x", "https://ann:canary@한글.example:0", "https://host:0/x?key=canary",
        "https://ann:can#ary@host/x", "https://ann:can?ary@host/x", "https:/ann:canary@host/x",
    })
    void aPasswordIsNeverShown(String written) {
        for (Property property : new Property[] {Property.REPLICATE_API_ENDPOINT, Property.REPLICATE_POLL_ENDPOINT, Property.UPSTAGE_API_ENDPOINT,
            Property.REPLICATE_WEBHOOK_URL}) {
            String value = property == Property.REPLICATE_POLL_ENDPOINT ? written + "/{id}" : written;
            assertThatThrownBy(() -> Settings.of(Map.of(property.key(), value, Property.REPLICATE_WEBHOOK_SECRET.key(), "whsec_YWJj")))
                    .isInstanceOf(SettingException.class).hasMessageStartingWith(property.key() + ": ")
                    .message().hasLineCount(1).doesNotContain("canary").doesNotContain("ary@");
        }
    }

    @ParameterizedTest
    @CsvSource({"http://localhost:1/, true", "http://a.localhost/, true", "http://127.1.2.3/, true", "http://[::1]/, true",
        "http://127.0.0.1.example/, false", "http://10.0.0.1/, false", "https://localhost.example/, false"})
    void itIsKnownWhetherItStaysOnThisMachine(String url, boolean loopback) {
        assertThat(Url.of(url).isLoopback()).isEqualTo(loopback);
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://:3128", "http://a..b:3128", "http://a b:3128", "http://256.1.1.1:3128", "http://me:canary@-a:3128"})
    void aProxyWithoutAHostThatCanBeCalledIsRefused(String url) {
        assertThatThrownBy(() -> Settings.of(Map.of(Property.UPSTAGE_PROXY.key(), url)))
                .isInstanceOf(SettingException.class).hasMessageStartingWith("bactrian.upstage.proxy: ").message().doesNotContain("canary");
    }

    @ParameterizedTest
    @CsvSource({"HTTP://Proxy_1:3128, proxy_1:3128", "http://한글.example:3128, xn--bj0bj06e.example:3128", "http://[::1]:3128, [::1]:3128"})
    void aProxysHostMayBeAnyThatAnEndpointsMay(String url, String host) {
        assertThat(Settings.of(Map.of(Property.UPSTAGE_PROXY.key(), url)).proxy(Property.UPSTAGE_PROXY).orElseThrow()).hasToString(host);
    }
}
