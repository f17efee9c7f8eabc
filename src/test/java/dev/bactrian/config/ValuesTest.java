package dev.bactrian.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What surrounds a value is no part of it, and a key that can't be one is refused. */
class ValuesTest {

    private static final List<Property> KEYS = List.of(Property.UPSTAGE_API_KEY, Property.REPLICATE_API_TOKEN);

    @ParameterizedTest
    @EnumSource
    void everyValueIsTrimmed(Property property) {
        String value = property.defaultValue(false).orElse(property.form() == Property.Form.COUNT ? "1" : null);
        if (value == null) {
            return;
        }
        Settings settings = Settings.of(Map.of(property.key(), "\u00A0 " + value + "\t\r\n\u3000\uFEFF"));

        assertThat(settings.text(property)).contains(value);
    }

    @Test
    void passwordsAreTrimmedToo() {
        Settings settings = Settings.of(Map.of("bactrian.jms.password", "a b\r", "bactrian.ledger.password", " x\uFEFF"));

        assertThat(settings.text(Property.JMS_PASSWORD)).contains("a b");
        assertThat(settings.text(Property.LEDGER_PASSWORD)).contains("x");
    }

    @ParameterizedTest
    @ValueSource(strings = {"k-1", " k-1\r\n", "\"k-1\"", "'k-1'", "`k-1`", "\u201Ck-1\u201D", "\u2018k-1\u2019", "\u201Ek-1\u201C", "\u00ABk-1\u00BB", "Bearer k-1",
        "bearer  k-1 ", "BEARER\tk-1", "Token k-1", "token k-1", "\"Bearer k-1\"", "Bearer 'k-1'", "\" 'k-1' \"", "Authorization: Bearer k-1", "\u00A0k-1\u200B", "\uFEFFk-1"})
    void aKeyIsTakenAloneHoweverItWasCopied(String written) {
        for (Property property : KEYS) {
            assertThat(Settings.of(Map.of(property.key(), written)).text(property)).contains("k-1");
        }
        assertThat(Settings.of(Map.of("env:UPSTAGE_API_KEY", written)).text(Property.UPSTAGE_API_KEY)).contains("k-1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "\"\"", "''", "\u201C \u201D", "\r"})
    void aKeyOfNothingIsNotSet(String written) {
        for (Property property : KEYS) {
            assertThat(Settings.of(Map.of(property.key(), written)).isSet(property)).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"k_y k_z", "k_\u0000z", "k_\u00E9", "k_\uD0A4", "k_\u200Bz", "k_\u2011z", "k_\nz", "k_\u007Fz", "k_\u0085z", "\u201Ck_z", "Bearer", "bearer ",
        "Basic k_z", "k_z, k_y k_x", "key: k_z"})
    void aKeyThatIsNoneIsRefusedByNameAndNotShown(String written) {
        for (Property property : KEYS) {
            assertThatThrownBy(() -> Settings.of(Map.of(property.key(), written))).isInstanceOf(SettingException.class)
                    .hasMessageStartingWith(property.key() + ": ").message().hasLineCount(1).doesNotContain("k_");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a\nb", "a\u001B[31mb", "a\u0085b", "a\u2028b"})
    void whatIsWrongIsSaidOnOneLineWhateverTheValueHolds(String value) {
        assertThatThrownBy(() -> Settings.of(Map.of("bactrian.max-in-flight", value))).message()
                .hasLineCount(1).startsWith("bactrian.max-in-flight: ").doesNotContain("\n", "\u001B", "\u0085", "\u2028");
        assertThatThrownBy(() -> Settings.of(Map.of("bactrian." + value, "x"))).message()
                .hasLineCount(1).doesNotContain("\n", "\u001B", "\u0085", "\u2028");
    }
}
