package dev.bactrian.door;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CallersTest {

    /** A client that has sent a head and nothing else. */
    private record Head(boolean isOnLoopback, Map<String, String> headers) implements Client {

        @Override
        public String header(String name) {
            return headers.get(name);
        }

        @Override
        public String field(String name) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String method() {
            return "POST";
        }

        @Override
        public void begin(int status, Map<String, String> ofTheResponse) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean write(byte[] bytes) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean isBehind() {
            throw new UnsupportedOperationException();
        }

        @Override
        public void end() {
            throw new UnsupportedOperationException();
        }

        @Override
        public void onGone(Runnable task) {
            throw new UnsupportedOperationException();
        }
    }

    private static Callers callers(String... properties) {
        Map<String, String> set = new HashMap<>();
        for (int i = 0; i < properties.length; i += 2) {
            set.put("bactrian.http." + properties[i], properties[i + 1]);
        }
        return Callers.of(Settings.of(set));
    }

    private static Client head(String... headers) {
        Map<String, String> sent = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        sent.put("Host", "localhost:8080");
        for (int i = 0; i < headers.length; i += 2) {
            sent.put(headers[i], headers[i + 1]);
        }
        return new Head(true, sent);
    }

    private static String caller(Callers callers, String key) {
        Caller caller = callers.require(head("Authorization", "Bearer " + key));
        return caller.name() + (caller.admin() ? "!" : "");
    }

    @Test
    void aKeySaysWhoCalls() {
        Callers callers = callers("api-keys", "team-a=k1, k2 ,team.b_3=a=b==,,", "admin-keys", "root=r1,r2");

        assertThat(caller(callers, "k1")).isEqualTo("team-a");
        assertThat(caller(callers, "k2")).isEqualTo("key-015f7e6b");
        assertThat(caller(callers, "a=b==")).isEqualTo("team.b_3");
        assertThat(caller(callers, "r1")).isEqualTo("root!");
        assertThat(caller(callers, "r2")).isEqualTo("admin-db77fd01!");
        assertThat(callers.names()).containsExactly("team-a", "key-015f7e6b", "team.b_3", "root", "admin-db77fd01");
    }

    @Test
    void aKeyInBase64KeepsItsPadding() {
        Callers callers = callers("api-keys", "c2VjcmV0IQ==,b25l=");

        assertThat(caller(callers, "c2VjcmV0IQ==")).isEqualTo("key-e5a145ef");
        assertThat(caller(callers, "b25l=")).isEqualTo("key-84a6256d");
        assertThatThrownBy(() -> caller(callers, "=")).isInstanceOf(Refusal.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"k1", "Bearer", "Bearer ", "Basic k1", "bearer k", "Bearer k11", "Bearer K1", "Bearer k1, Bearer k1", "Bearer team-a=k1", "Bearer: k1"})
    void anythingElseThanAKeyIsRefused(String header) {
        Callers callers = callers("api-keys", "team-a=k1");

        assertThatThrownBy(() -> callers.require(head("Authorization", header))).isInstanceOfSatisfying(Refusal.class, refusal -> {
            assertThat(refusal.status()).isEqualTo(401);
            assertThat(refusal.getMessage()).doesNotContain("k1");
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"bearer k1", "BEARER k1", "Bearer   k1", "Bearer k1 "})
    void theWordBearerHasAnyCase(String header) {
        assertThat(callers("api-keys", "team-a=k1").require(head("Authorization", header)).name()).isEqualTo("team-a");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "a=k1,a=k2 | two keys have the name 'a'",
        "a=k1,b=k1 | no. 2 is a key that another name has",
        "k 1       | no. 1 is not key or name=key",
        "k1,kö     | no. 2 is not key or name=key"})
    void malformedKeysStopTheStartWithoutBeingShown(String keys, String message) {
        assertThatThrownBy(() -> callers("api-keys", keys)).isInstanceOf(SettingException.class).hasMessageContaining(message)
                .hasMessageContaining("bactrian.http.api-keys").hasMessageNotContaining("k1").hasMessageNotContaining("kö");
    }

    @Test
    void oneKeyIsNotBothOfACallerAndOfAnAdmin() {
        assertThatThrownBy(() -> callers("api-keys", "a=k1", "admin-keys", "b=k1")).isInstanceOf(SettingException.class);
        assertThatThrownBy(() -> callers("api-keys", "a=k1", "admin-keys", "a=k2")).isInstanceOf(SettingException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"*", "null", "example.org", "https://example.org/", "https://a b", "file://x"})
    void whatIsNoOriginStopsTheStart(String origin) {
        assertThatThrownBy(() -> callers("cors-origins", "https://a.example," + origin)).isInstanceOf(SettingException.class)
                .hasMessageContaining("bactrian.http.cors-origins");
    }

    @ParameterizedTest
    @ValueSource(strings = {"localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080", "[::1]"})
    void withoutKeysAnyNameOfThisMachineServes(String host) {
        assertThat(callers().require(head("Host", host))).isSameAs(Caller.ANYBODY);
    }

    @ParameterizedTest
    @ValueSource(strings = {"evil.example", "evil.example:8080", "localhost.evil.example", "localhost:80@evil.example", "127.0.0.1.evil.example", "evil.example:127.0.0.1",
        "localhost, evil.example", "", "localhost.", "[::1].evil.example", "0.0.0.0:8080", "10.0.0.1:8080", "localhost:80:80", " "})
    void withoutKeysNoOtherNameServes(String host) {
        assertRefused(callers(), head("Host", host), "foreign-host");
    }

    @Test
    void withoutKeysNobodyElseMayCall() {
        assertRefused(callers(), new Head(false, Map.of("Host", "localhost")), "foreign-host");
        assertRefused(callers("host", "0.0.0.0"), new Head(false, Map.of("Host", "0.0.0.0")), "foreign-host");
        assertRefused(callers(), new Head(true, Map.of()), "foreign-host");
    }

    @ParameterizedTest
    @ValueSource(strings = {"https://evil.example", "null", "http://localhost", "http://localhost:8081", "http://127.0.0.1:8080", "http://localhost:8080.evil.example", "",
        "http://localhost:8080/", "http://localhost:8080, https://evil.example", "chrome-extension://abc", "http://evil.example#localhost:8080"})
    void pagesElsewhereMayNotCall(String origin) {
        assertRefused(callers(), head("Origin", origin), "foreign-origin");
        assertRefused(callers("api-keys", "k1"), head("Origin", origin, "Authorization", "Bearer k1"), "foreign-origin");
    }

    @Test
    void ownAndListedPagesMayCall() {
        Callers callers = callers("cors-origins", " https://Chat.example , http://localhost:3000");

        assertThat(callers.require(head("Origin", "http://localhost:8080"))).isNotNull();
        assertThat(callers.require(head("Origin", "https://chat.example"))).isNotNull();
        assertThat(callers.require(head("Origin", "http://localhost:3000"))).isNotNull();
        assertThat(callers.corsHeaders(head("Origin", "https://chat.example"))).containsEntry("Access-Control-Allow-Origin", "https://chat.example");
        assertThat(callers.corsHeaders(head("Origin", "http://localhost:8080"))).isEmpty();
        assertThat(callers.corsHeaders(head())).isEmpty();
        assertRefused(callers, head("Origin", "http://chat.example"), "foreign-origin");
        assertRefused(callers, head("Origin", "https://chat.example", "Host", "evil.example"), "foreign-host");
    }

    private static void assertRefused(Callers callers, Client client, String type) {
        assertThatThrownBy(() -> callers.require(client)).isInstanceOfSatisfying(Refusal.class, refusal -> {
            assertThat(refusal.status()).isEqualTo(403);
            assertThat(refusal.type()).isEqualTo(type);
        });
    }
}
