package dev.bactrian.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HostsTest {

    private final Hosts hosts = Hosts.of(" Stream.Replicate.com, c.replicate.net,127.0.0.1,[::1],localhost,");

    @ParameterizedTest
    @ValueSource(strings = {"https://stream.replicate.com/v1/streams/a", "HTTPS://STREAM.replicate.COM:8443/x?y=z#a",
        "https://streaming-api.svc.us.c.replicate.net/v1/predictions/p", "https://c.replicate.net", "https://127.0.0.1/x",
        "http://127.0.0.1:4711/x", "http://[::1]:4711/x", "https://localhost/x"})
    void urlsOfTheListedHostsMayBeCalled(String url) {
        assertThat(hosts.allow(url)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://stream.replicate.com/x", "http://localhost/x", "http://127.0.0.2/x", "http://a.127.0.0.1/x",
        "https://replicate.com/x", "https://evilstream.replicate.com.evil.example/x", "https://evilc.replicate.net.example",
        "https://xc.replicate.net/x", "https://user@stream.replicate.com/x", "https://@stream.replicate.com/x", "https://u:p@127.0.0.1/",
        "https://stream.replicate.com@evil.example/x", "https://evil.example/#stream.replicate.com", "https://evil.example\\@stream.replicate.com/",
        "https://stream.replicate.com./x", "//stream.replicate.com/x", "stream.replicate.com", "ftp://stream.replicate.com/x",
        "https:stream.replicate.com", "https:///x", "https://stream.replicate.com/{{env:HOME}}", "https://stream.replicate.com/a b", "", "http://"})
    void otherUrlsMayNotBeCalled(String url) {
        assertThat(hosts.allow(url)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", ","})
    void anEmptyListAllowsNoHost(String list) {
        assertThat(Hosts.of(list).allow("https://stream.replicate.com/x")).isFalse();
    }
}
