package dev.bactrian.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Properties;

import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The settings come from wherever the properties of the host's Camel context come from. */
class SettingsOfContextTest {

    private final DefaultCamelContext context = new DefaultCamelContext();

    @AfterEach
    void close() throws IOException {
        context.close();
    }

    private Settings settings(String... pairs) {
        Properties properties = new Properties();
        for (int i = 0; i < pairs.length; i += 2) {
            properties.setProperty(pairs[i], pairs[i + 1]);
        }
        context.getPropertiesComponent().setInitialProperties(properties);
        return Settings.of(context);
    }

    @Test
    void propertiesOfTheContextAreRead() {
        assertThat(settings("bactrian.max-in-flight", "7").count(Property.MAX_IN_FLIGHT)).isEqualTo(7);
    }

    @Test
    void aContextWithoutAnyHasTheDefaults() {
        assertThat(settings().count(Property.MAX_IN_FLIGHT)).isEqualTo(500);
    }

    @Test
    void everyBeanOfAContextSharesTheSameSettings() {
        assertThat(settings()).isSameAs(Settings.of(context));
    }

    @Test
    void twoContextsHaveSettingsOfTheirOwn() throws IOException {
        settings("bactrian.max-in-flight", "7");

        try (DefaultCamelContext other = new DefaultCamelContext()) {
            assertThat(Settings.of(other).count(Property.MAX_IN_FLIGHT)).isEqualTo(500);
        }
    }

    @Test
    void aPlaceholderIsResolved() {
        assertThat(settings("my.limit", "9", "bactrian.max-in-flight", "{{my.limit}}").count(Property.MAX_IN_FLIGHT)).isEqualTo(9);
    }

    @Test
    void aSystemPropertyComesFirst() {
        System.setProperty("bactrian.max-in-flight", "11");
        try {
            assertThat(settings("bactrian.max-in-flight", "7").count(Property.MAX_IN_FLIGHT)).isEqualTo(11);
        } finally {
            System.clearProperty("bactrian.max-in-flight");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"up_a{{b", "up_a{{b}}c", "up_}}a{{", "up_{{{{"})
    void aKeyMayLookLikeAPlaceholder(String key) {
        assertThat(settings("bactrian.upstage.api-key", key).text(Property.UPSTAGE_API_KEY)).contains(key);
    }

    @Test
    void aKeyThatIsAPlaceholderOfNothingStopsTheStart() {
        assertThatThrownBy(() -> settings("bactrian.upstage.api-key", "{{env:NO_SUCH_VARIABLE}}"))
                .isInstanceOf(SettingException.class).hasMessageContaining("bactrian.upstage.api-key");
    }

    @ParameterizedTest
    @ValueSource(strings = {"+", "%", "&", "?", "#", "=", "@", ":", "/", "%2B", "RAW(x)", "${x}", "$simple{x}"})
    void aKeyIsKeptCharacterByCharacter(String odd) {
        assertThat(settings("bactrian.replicate.api-token", "r8_" + odd + "z").text(Property.REPLICATE_API_TOKEN)).contains("r8_" + odd + "z");
    }

    @Test
    void aProxysPasswordMayLookLikeAPlaceholder() {
        assertThat(settings("bactrian.upstage.proxy", "http://ann:a{{b@proxy.example:3128").proxy(Property.UPSTAGE_PROXY).orElseThrow().password())
                .isEqualTo("a{{b");
    }

    @Test
    void aPlaceholderThatNobodyKnowsIsNamedByItsProperty() {
        assertThatThrownBy(() -> settings("bactrian.file.inbox", "{{nowhere}}")).isInstanceOf(SettingException.class)
                .hasMessageStartingWith("bactrian.file.inbox: ").hasMessageContaining("nowhere").message().hasLineCount(1);
    }

    @Test
    void anUnknownPropertyIsRefused() {
        assertThatThrownBy(() -> settings("bactrian.upstage.apikey", "up_canary")).isInstanceOf(SettingException.class)
                .hasMessageStartingWith("bactrian.upstage.apikey: ").hasMessageContaining("bactrian.upstage.api-key")
                .message().doesNotContain("up_canary");
    }

    @Test
    void aMalformedPropertyIsRefused() {
        assertThatThrownBy(() -> settings("bactrian.retry.delay", "soon")).isInstanceOf(SettingException.class)
                .hasMessageStartingWith("bactrian.retry.delay: ");
    }

    @Test
    void propertiesOfTheHostAreNoneOfOurs() {
        assertThat(settings("camel.component.http.foo", "x", "my.bactrian.models", "y").isSet(Property.MODELS)).isFalse();
    }
}
