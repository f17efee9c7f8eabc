package dev.bactrian.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What the properties mean, what they are where nobody sets them, and that a wrong one is named in one line. */
class SettingsTest {

    private static final String OUTBOX = "file:outbox?fileName=${header.BactrianRequestId}";

    private static Settings settings(String... pairs) {
        Map<String, String> properties = new HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            properties.put(pairs[i], pairs[i + 1]);
        }
        return Settings.of(properties);
    }

    /** The table of docs/reference/properties.md. */
    enum Default {
        MODELS("models", "classpath:bactrian/models.yaml"),
        PROFILE("profile", null),
        DEFAULT_MODEL("default-model", null),
        REPLICATE_API_ENDPOINT("replicate.api-endpoint", "https://api.replicate.com/v1/predictions"),
        REPLICATE_POLL_ENDPOINT("replicate.poll-endpoint", "https://api.replicate.com/v1/predictions/{id}"),
        REPLICATE_API_TOKEN("replicate.api-token", null),
        REPLICATE_API("replicate.api", "official"),
        REPLICATE_POLL_DELAY("replicate.poll-delay", "1s"),
        REPLICATE_POLL_MAX_ATTEMPTS("replicate.poll-max-attempts", "150"),
        REPLICATE_PROXY("replicate.proxy", null),
        UPSTAGE_PROXY("upstage.proxy", null),
        UPSTAGE_API_ENDPOINT("upstage.api-endpoint", "https://api.upstage.ai/v1/chat/completions"),
        UPSTAGE_API_KEY("upstage.api-key", null),
        UPSTAGE_PROMPT_STYLE("upstage.prompt-style", "messages"),
        CONNECT_TIMEOUT("connect-timeout", "10s"),
        RESPONSE_TIMEOUT("response-timeout", "60s"),
        STALL_TIMEOUT("stall-timeout", "60s"),
        RETRY_MAX_ATTEMPTS("retry.max-attempts", "3"),
        RETRY_DELAY("retry.delay", "1s"),
        RETRY_MAX_DELAY("retry.max-delay", "30s"),
        MAX_IN_FLIGHT("max-in-flight", "500"),
        MAX_CREATES_PER_MINUTE("replicate.max-creates-per-minute", "600"),
        MAX_REQUESTS_PER_MINUTE("replicate.max-requests-per-minute", "3000"),
        MAX_REQUEST_BYTES("max-request-bytes", "10MB"),
        MAX_RESPONSE_BYTES("max-response-bytes", "64MB"),
        EMIT_RESULT("emit.result", OUTBOX + ".json"),
        EMIT_ERROR("emit.error", OUTBOX + ".error.json"),
        EMIT_CHUNK("emit.chunk", null),
        EMIT_FORMAT("emit.format", "json"),
        FILE_ENABLED("file.enabled", "false"),
        FILE_INBOX("file.inbox", "inbox"),
        SIMULATOR("simulator", "auto");

        final String key;
        final String value;

        Default(String name, String value) {
            this.key = "bactrian." + name;
            this.value = value;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPropertyThatNobodySetsHasItsDefault(Default row) {
        Property property = Property.of(row.key).orElseThrow();

        assertThat(settings().text(property).orElse(null)).isEqualTo(row.value);
        assertThat(settings().isSet(property)).isFalse();
    }

    /** What the playground profile changes, and nothing else. */
    enum PlaygroundDefault {
        MODELS("models", "classpath:bactrian/models-playground.yaml"),
        REPLICATE_API_ENDPOINT("replicate.api-endpoint", "https://homepage.replicate.com/api/prediction"),
        REPLICATE_POLL_ENDPOINT("replicate.poll-endpoint", "https://homepage.replicate.com/api/poll?id={id}"),
        REPLICATE_API("replicate.api", "homepage"),
        REPLICATE_POLL_DELAY("replicate.poll-delay", "5s"),
        REPLICATE_POLL_MAX_ATTEMPTS("replicate.poll-max-attempts", "30"),
        UPSTAGE_API_ENDPOINT("upstage.api-endpoint", "https://ap-northeast-2.apistage.ai/v1/web/demo/chat/completions"),
        UPSTAGE_PROMPT_STYLE("upstage.prompt-style", "flattened");

        final Property property;
        final String value;

        PlaygroundDefault(String name, String value) {
            this.property = Property.of("bactrian." + name).orElseThrow();
            this.value = value;
        }
    }

    @ParameterizedTest
    @EnumSource
    void thePlaygroundProfileHasDefaultsOfItsOwn(PlaygroundDefault row) {
        assertThat(settings("bactrian.profile", "playground").text(row.property)).contains(row.value);
    }

    @ParameterizedTest
    @EnumSource
    void eachPlaygroundDefaultCanStillBeSet(PlaygroundDefault row) {
        String official = row.property.defaultValue(false).orElseThrow();

        assertThat(settings("bactrian.profile", "playground", row.property.key(), official).text(row.property)).contains(official);
    }

    @Test
    void thePlaygroundProfileLeavesTheOtherDefaultsAlone() {
        Settings playground = settings("bactrian.profile", "playground");

        for (Property property : Property.values()) {
            boolean changed = java.util.Arrays.stream(PlaygroundDefault.values()).anyMatch(row -> row.property == property);
            if (!changed && property != Property.PROFILE) {
                assertThat(playground.text(property)).as(property.key()).isEqualTo(settings().text(property));
            }
        }
    }

    @Test
    void withoutAProfileThereIsNoPlayground() {
        assertThat(settings().playground()).isFalse();
        assertThat(settings("bactrian.profile", "playground").playground()).isTrue();
    }

    /** One wrong value of every form a property can have, and more where a form has several ways to be wrong. */
    enum Malformed {
        PROFILE("profile", "beta"),
        URL_WITHOUT_SCHEME("upstage.api-endpoint", "api.upstage.ai/v1/chat/completions"),
        URL_OF_ANOTHER_SCHEME("upstage.api-endpoint", "ftp://api.upstage.ai/v1"),
        URL_WITHOUT_HOST("replicate.api-endpoint", "https:///v1/predictions"),
        URL_WITH_BLANK("replicate.api-endpoint", "https://api.replicate.com/v1 predictions"),
        POLL_URL_WITHOUT_ID("replicate.poll-endpoint", "https://api.replicate.com/v1/predictions"),
        REPLICATE_API("replicate.api", "Official"),
        PROMPT_STYLE("upstage.prompt-style", "flat"),
        EMIT_FORMAT("emit.format", "xml"),
        SIMULATOR("simulator", "maybe"),
        DURATION_IN_WORDS("connect-timeout", "soon"),
        DURATION_NEGATIVE("response-timeout", "-1s"),
        DURATION_WITH_FRACTION("stall-timeout", "1.5s"),
        DURATION_WITH_BLANK("retry.delay", "10 s"),
        DURATION_OF_UNKNOWN_UNIT("retry.max-delay", "3d"),
        DURATION_OUT_OF_ORDER("replicate.poll-delay", "30s1m"),
        DURATION_TOO_LONG("replicate.poll-delay", "99999999999999999999s"),
        CANCEL_AFTER("replicate.cancel-after", "never"),
        STREAM("replicate.stream", "false"),
        WAIT_TOO_SHORT("replicate.prefer-wait", "500ms"),
        WAIT_TOO_LONG("replicate.prefer-wait", "61s"),
        WAIT_WITH_FRACTION("replicate.prefer-wait", "1s500ms"),
        WAIT_IN_WORDS("replicate.prefer-wait", "yes"),
        COUNT_OF_NONE("max-in-flight", "0"),
        COUNT_NEGATIVE("replicate.poll-max-attempts", "-1"),
        COUNT_WITH_FRACTION("replicate.poll-max-attempts", "1.5"),
        COUNT_TOO_LARGE("replicate.max-creates-per-minute", "3000000000"),
        RETRIES_NEGATIVE("retry.max-attempts", "-1"),
        RETRIES_IN_WORDS("retry.max-attempts", "twice"),
        SIZE_OF_NOTHING("max-request-bytes", "0"),
        SIZE_IN_WORDS("max-request-bytes", "ten"),
        SIZE_OF_UNKNOWN_UNIT("max-response-bytes", "1TB"),
        SIZE_WITH_FRACTION("max-response-bytes", "1.5MB"),
        SIZE_TOO_LARGE("max-response-bytes", "9999999999999GB"),
        FLAG_YES("file.enabled", "yes"),
        FLAG_IN_CAPITALS("file.enabled", "TRUE");

        final String key;
        final String value;

        Malformed(String name, String value) {
            this.key = "bactrian." + name;
            this.value = value;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aMalformedValueIsRefusedInOneLineThatNamesTheProperty(Malformed row) {
        assertThatThrownBy(() -> settings(row.key, row.value)).isInstanceOf(SettingException.class)
                .hasMessageStartingWith(row.key + ": ").hasMessageContaining(row.value).message().hasLineCount(1);
    }

    @Test
    void aPollUrlIsAUrlToo() {
        assertThatThrownBy(() -> settings("bactrian.replicate.poll-endpoint", "/v1/predictions/{id}")).isInstanceOf(SettingException.class)
                .hasMessageStartingWith("bactrian.replicate.poll-endpoint: ").message().hasLineCount(1);
    }

    @ParameterizedTest
    @CsvSource({"500ms, 500", "10s, 10000", "1m30s, 90000", "1h, 3600000", "1h2m3s4ms, 3723004", "250, 250", "2m, 120000", "0s, 0"})
    void aDurationIsWrittenAsCamelWritesThem(String text, long millis) {
        assertThat(settings("bactrian.retry.delay", text).duration(Property.RETRY_DELAY)).isEqualTo(Duration.ofMillis(millis));
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "100B, 100", "1KB, 1024", "10MB, 10485760", "2 GB, 2147483648", "3mb, 3145728"})
    void aSizeCountsInPowersOf1024(String text, long bytes) {
        assertThat(settings("bactrian.max-request-bytes", text).bytes(Property.MAX_REQUEST_BYTES)).isEqualTo(bytes);
    }

    @Test
    void noRetriesAreASettingToo() {
        assertThat(settings("bactrian.retry.max-attempts", "0").count(Property.RETRY_MAX_ATTEMPTS)).isZero();
    }

    @Test
    void blanksAroundAValueDoNotCount() {
        assertThat(settings("bactrian.max-in-flight", " 7 ").count(Property.MAX_IN_FLIGHT)).isEqualTo(7);
    }

    @Test
    void aBlankValueOfAPropertyWithoutADefaultCountsAsNotSet() {
        assertThat(settings("bactrian.upstage.api-key", "  ").isSet(Property.UPSTAGE_API_KEY)).isFalse();
        assertThat(settings("bactrian.jms.remember", " ").text(Property.JMS_REMEMBER)).isEmpty();
    }

    @Test
    void aBlankValueWhereOneIsNeededIsNamed() {
        assertThatThrownBy(() -> settings("bactrian.retry.delay", "").duration(Property.RETRY_DELAY))
                .isInstanceOf(SettingException.class).hasMessageStartingWith("bactrian.retry.delay: ");
    }

    @ParameterizedTest
    @CsvSource({"bactrian.connect-timeout", "bactrian.max-in-flight", "bactrian.max-request-bytes", "bactrian.file.enabled",
        "bactrian.upstage.api-endpoint", "bactrian.replicate.poll-endpoint", "bactrian.replicate.api", "bactrian.retry.max-attempts"})
    void aBlankValueWhereOneIsNeededStopsTheStart(String key) {
        assertThatThrownBy(() -> settings(key, " ")).isInstanceOf(SettingException.class).hasMessageStartingWith(key + ": ");
    }

    @ParameterizedTest
    @CsvSource({
        "bactrian.upstage.apikey, bactrian.upstage.api-key",
        "bactrian.replicate.api_token, bactrian.replicate.api-token",
        "bactrian.emit.results, bactrian.emit.result",
        "bactrian.max-inflight, bactrian.max-in-flight"})
    void anUnknownPropertyIsRefusedWithTheNearestName(String wrong, String right) {
        assertThatThrownBy(() -> settings(wrong, "x")).isInstanceOf(SettingException.class)
                .hasMessageStartingWith(wrong + ": ").hasMessageContaining(right).message().hasLineCount(1);
    }

    @Test
    void anUnknownPropertysValueIsNotShown() {
        assertThatThrownBy(() -> settings("bactrian.upstage.apikey", "up_canary")).message().doesNotContain("up_canary");
    }

    @Test
    void otherPeoplesPropertiesAreNoneOfOurs() {
        assertThat(settings("camel.main.name", "x", "bactrianish", "y").isSet(Property.MODELS)).isFalse();
    }

    @Test
    void theProvidersOwnNamesOfTheirTokensAreHonoured() {
        Settings settings = settings("env:REPLICATE_API_TOKEN", "r8_theirs", "env:UPSTAGE_API_KEY", "up_theirs");

        assertThat(settings.text(Property.REPLICATE_API_TOKEN)).contains("r8_theirs");
        assertThat(settings.text(Property.UPSTAGE_API_KEY)).contains("up_theirs");
    }

    @Test
    void ourOwnNameOfATokenComesBeforeTheProviders() {
        assertThat(settings("env:UPSTAGE_API_KEY", "up_theirs", "bactrian.upstage.api-key", "up_ours").text(Property.UPSTAGE_API_KEY))
                .contains("up_ours");
    }

    @Test
    void aPropertyHasAnEnvironmentVariable() {
        assertThat(Property.environmentName("bactrian.upstage.api-key")).isEqualTo("BACTRIAN_UPSTAGE_API_KEY");
    }

    @ParameterizedTest
    @EnumSource(ProxyPassword.class)
    void aProxysPasswordMayHoldOddCharacters(ProxyPassword row) {
        assertThat(settings("bactrian.upstage.proxy", "http://ann:" + row.written + "@proxy.example:3128").proxy(Property.UPSTAGE_PROXY))
                .contains(new Settings.Proxy("proxy.example", 3128, "ann", row.meant));
    }

    enum ProxyPassword {
        PLAIN("secret", "secret"),
        PLUS("a+b", "a+b"),
        PERCENT("50%", "50%"),
        PERCENT_IN_THE_MIDDLE("5%zz", "5%zz"),
        AMPERSAND("a&b", "a&b"),
        QUESTION_MARK("a?b", "a?b"),
        HASH("a#b", "a#b"),
        EQUALS("a=b", "a=b"),
        AT("a@b", "a@b"),
        COLON("a:b", "a:b"),
        SLASH("a/b", "a/b"),
        ALL("+%&?#=@:/", "+%&?#=@:/"),
        PERCENT_ENCODED("a%40b%2Fc%25", "a@b/c%"),
        PERCENT_ENCODED_PLUS("a%2Bb+c", "a+b+c"),
        HANGUL_ENCODED("%ED%95%9C", "한"),
        EMPTY("", "");

        final String written;
        final String meant;

        ProxyPassword(String written, String meant) {
            this.written = written;
            this.meant = meant;
        }
    }

    @ParameterizedTest
    @CsvSource({"http://proxy.example:3128, proxy.example, 3128", "http://10.0.0.1:80/, 10.0.0.1, 80"})
    void aProxyMayAskForNobody(String text, String host, int port) {
        assertThat(settings("bactrian.replicate.proxy", text).proxy(Property.REPLICATE_PROXY))
                .contains(new Settings.Proxy(host, port, null, null));
    }

    @ParameterizedTest
    @EnumSource(MalformedProxy.class)
    void aMalformedProxyIsRefusedWithoutItsPassword(MalformedProxy row) {
        assertThatThrownBy(() -> settings("bactrian.replicate.proxy", row.value)).isInstanceOf(SettingException.class)
                .hasMessageStartingWith("bactrian.replicate.proxy: ").message().hasLineCount(1).doesNotContain("canary");
    }

    enum MalformedProxy {
        NO_SCHEME("ann:canary@proxy.example:3128"),
        HTTPS("https://ann:canary@proxy.example:3128"),
        NO_PORT("http://ann:canary@proxy.example"),
        PORT_ZERO("http://ann:canary@proxy.example:0"),
        PORT_TOO_LARGE("http://ann:canary@proxy.example:65536"),
        PORT_IN_WORDS("http://ann:canary@proxy.example:canary"),
        NO_HOST("http://ann:canary@:3128"),
        NO_PASSWORD("http://canary@proxy.example:3128"),
        SHORT("http"),
        NOTHING("http://");

        final String value;

        MalformedProxy(String value) {
            this.value = value;
        }
    }

    @Test
    void aProxyInALogShowsNoPassword() {
        assertThat(settings("bactrian.upstage.proxy", "http://ann:canary@proxy.example:3128").proxy(Property.UPSTAGE_PROXY).orElseThrow())
                .hasToString("proxy.example:3128");
    }

    @Test
    void withoutAProxyThereIsNone() {
        assertThat(settings().proxy(Property.UPSTAGE_PROXY)).isEmpty();
    }

    @ParameterizedTest
    @EnumSource(Endpoints.class)
    void severalEndpointsAreSeparatedByABarWithBlanksAndByNothingElse(Endpoints row) {
        assertThat(settings("bactrian.emit.result", row.value).endpoints(Property.EMIT_RESULT)).containsExactly(row.uris);
    }

    enum Endpoints {
        ONE("file:out", "file:out"),
        TWO("file:out | jms:queue:done", "file:out", "jms:queue:done"),
        THREE("log:a | log:b | log:c", "log:a", "log:b", "log:c"),
        COMMAS("file:out?fileName=a,b.txt | kafka:t?brokers=a:1,b:2", "file:out?fileName=a,b.txt", "kafka:t?brokers=a:1,b:2"),
        BAR_WITHOUT_BLANKS("file:a|b", "file:a|b"),
        BAR_WITH_ONE_BLANK("file:a |b", "file:a |b"),
        SEMICOLON("file:a;b", "file:a;b"),
        MORE_BLANKS("  log:a   |   log:b  ", "log:a", "log:b"),
        BLANK("  ");

        final String value;
        final String[] uris;

        Endpoints(String value, String... uris) {
            this.value = value;
            this.uris = uris;
        }
    }

    @Test
    void chunksGoNowhereUnlessSomebodySaysWhere() {
        assertThat(settings().endpoints(Property.EMIT_CHUNK)).isEmpty();
    }

    @Test
    void theDeadlineIsThePollBudgetAndAMinute() {
        assertThat(settings("bactrian.replicate.poll-delay", "2s", "bactrian.replicate.poll-max-attempts", "10").cancelAfter())
                .contains(Duration.ofSeconds(80));
        assertThat(settings().cancelAfter()).contains(Duration.ofSeconds(210));
    }

    @Test
    void theDeadlineCanBeSet() {
        assertThat(settings("bactrian.replicate.cancel-after", "1h").cancelAfter()).contains(Duration.ofHours(1));
    }

    @Test
    void anEmptyDeadlineIsNotSent() {
        assertThat(settings("bactrian.replicate.cancel-after", "").cancelAfter()).isEmpty();
    }

    @Test
    void aDeadlineIsNeverUnderTheServicesMinimum() {
        assertThat(settings("bactrian.replicate.cancel-after", "1s").cancelAfter()).contains(Duration.ofSeconds(5));
    }

    @Test
    void theHomepageKnowsNoDeadline() {
        assertThat(settings("bactrian.replicate.api", "homepage", "bactrian.replicate.cancel-after", "1h").cancelAfter()).isEmpty();
    }

    @Test
    void everyTokenIsTakenOutOfAText() {
        Settings settings = settings("bactrian.replicate.api-token", "r8_canary", "bactrian.upstage.api-key", " up_canary ");

        assertThat(settings.redact("r8_canary and up_canary, r8_canary")).isEqualTo("*** and ***, ***");
    }

    static Stream<Property> keys() {
        return Stream.of(Property.values()).filter(property -> property.form() == Property.Form.KEY);
    }

    /** That of a further provider, too. */
    @ParameterizedTest
    @MethodSource("keys")
    void everyPropertyThatIsAKeyIsTakenOutOfAText(Property property) {
        assertThat(settings(property.key(), "canary-1234").redact("it says canary-1234")).isEqualTo("it says ***");
    }

    @Test
    void noTokenIsNoneToMask() {
        Settings settings = settings();
        settings.mask(null);
        settings.mask("     ");
        settings.mask("canary-1234");
        settings.mask("canary-1234");

        assertThat(settings.redact("a     b canary-1234")).isEqualTo("a     b ***");
    }

    @Test
    void aTextWithoutATokenIsLeftAsItIs() {
        assertThat(settings("bactrian.upstage.api-key", "up_canary").redact("nothing here")).isEqualTo("nothing here");
        assertThat(settings().redact("no token is set")).isEqualTo("no token is set");
    }

    @ParameterizedTest
    @CsvSource({"bactrian.replicate.api-token", "bactrian.upstage.api-key", "bactrian.replicate.proxy", "bactrian.upstage.proxy",
        "bactrian.ledger", "bactrian.ledger.password"})
    void tokensProxiesAndTheLedgersDatabaseAreSecret(String key) {
        assertThat(Property.of(key).orElseThrow().secret()).isTrue();
    }

    @Test
    void aKeyIsKeptCharacterByCharacter() {
        String key = "+%&?#=@:/{{x}}%2B";

        assertThat(settings("bactrian.upstage.api-key", key).text(Property.UPSTAGE_API_KEY)).contains(key);
    }

    @Test
    void aFormerNameIsTakenUnlessTheCurrentOneIsThere() {
        String former = "bactrian.replicate.webhook-look-delay";
        assertThat(settings(former, "7s").duration(Property.REPLICATE_WEBHOOK_POLL_DELAY)).isEqualTo(Duration.ofSeconds(7));
        assertThat(settings(former, "7s", Property.REPLICATE_WEBHOOK_POLL_DELAY.key(), "8s").duration(Property.REPLICATE_WEBHOOK_POLL_DELAY))
                .isEqualTo(Duration.ofSeconds(8));
    }

    @Test
    void readsAProviderOfTheCatalogue() {
        Settings settings = Settings.of(Map.of("bactrian.groq.api-key", "'Bearer gsk-12345678'", "bactrian.groq.proxy", "http://proxy:3128"));

        Settings.OtherProvider groq = settings.provider("groq", "https://api.groq.com/openai/v1/");

        assertThat(groq.keys()).containsExactly("gsk-12345678");
        assertThat(groq.endpoint()).isEqualTo("https://api.groq.com/openai/v1/chat/completions").hasToString(groq.toString());
        assertThat(groq.proxy()).hasToString("Optional[proxy:3128]");
        assertThat(settings.redact("it was gsk-12345678")).isEqualTo("it was ***");
        assertThat(settings.isOtherProviderSet()).isTrue();
        settings.requireProviders(Set.of("groq"));
    }

    @ParameterizedTest
    @CsvSource({
        "http://a/v1/chat/completions, http://a/v1/chat/completions",
        "http://a/v1/chat/completions?api-version=1, http://a/v1/chat/completions?api-version=1",
        "http://a/v1?x=1, http://a/v1/chat/completions?x=1",
        "http://a, http://a/chat/completions"})
    void addsThePathOfChatCompletionsIfItIsMissing(String given, String endpoint) {
        assertThat(Settings.of(Map.of()).provider("groq", given).endpoint()).isEqualTo(endpoint);
    }

    @ParameterizedTest
    @CsvSource({
        "api-key, a b, holds a blank",
        "api-endpoint, localhost, is not an http or https URL",
        "proxy, ftp://x, is not of the form"})
    void namesAWrongPropertyOfAProviderOfTheCatalogue(String property, String value, String problem) {
        Settings settings = Settings.of(Map.of("bactrian.groq." + property, value));

        assertThatThrownBy(() -> settings.provider("groq", "http://a")).isInstanceOf(SettingException.class)
                .hasMessageStartingWith("bactrian.groq." + property + ": ").hasMessageContaining(problem);
    }

    @Test
    void aProviderNeedsAnEndpointAndItsPropertiesAProvider() {
        Settings settings = Settings.of(Map.of("bactrian.grok.api-key", "x"));

        assertThatThrownBy(() -> settings.provider("groq", null))
                .hasMessage("bactrian.groq.api-endpoint: must be set, because the catalogue has no endpoint for groq");
        assertThatThrownBy(() -> settings.requireProviders(Set.of("groq")))
                .hasMessage("bactrian.grok.api-key: no such property; did you mean bactrian.groq.api-key?");
        assertThatThrownBy(() -> Settings.of(Map.of("bactrian.replicate.api-key", "x")))
                .hasMessage("bactrian.replicate.api-key: no such property; did you mean bactrian.replicate.api-token?");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "one-key-01 | one-key-01",
        "one-key-01,two-key-02 | one-key-01 two-key-02",
        "'\"one-key-01, two-key-02\"' | one-key-01 two-key-02",
        "\"one-key-01\", Bearer two-key-02 ,, | one-key-01 two-key-02",
        "one-key-01,one-key-01 | one-key-01"})
    void aKeyMayBeSeveral(String written, String keys) {
        Settings settings = Settings.of(Map.of("bactrian.upstage.api-key", written));

        assertThat(settings.keys(Property.UPSTAGE_API_KEY)).containsExactly(keys.split(" "));
        assertThat(settings.redact("x " + keys)).doesNotContain("key");
    }
}
