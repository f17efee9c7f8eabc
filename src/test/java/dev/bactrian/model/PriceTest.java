package dev.bactrian.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.time.LocalDate;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PriceTest {

    private static final String PARENT = """
            default-model: a
            providers:
              upstage:
                default-model: a
                models:
                  - id: a
                    price: {input: 0.10, cached: 0.01, output: 0.40, currency: EUR, date: 2026-11-01}
                  - id: b
            """;

    private static Catalogue catalogue(String price) {
        return Catalogue.read("mine.yaml", PARENT.replace("- id: b", "- id: b\n        price: " + price), none -> null, null);
    }

    private static Price price(String price) {
        return catalogue(price).price(ProviderName.UPSTAGE, "b").orElseThrow();
    }

    private static String tokens(String price, long prompt, long cached, long completion) {
        return price(price).tokens(prompt, cached, completion).map(Cost::toString).orElse("unknown");
    }

    @Test
    void isReadFromTheCatalogue() {
        assertThat(catalogue("{per-second: 0.000975}").price(ProviderName.UPSTAGE, "a")).contains(new Price(new BigDecimal("0.10"),
                new BigDecimal("0.01"), new BigDecimal("0.40"), null, null, "EUR", LocalDate.of(2026, 11, 1)));
        assertThat(price("{per-second: 0.000975}")).isEqualTo(new Price(null, null, null, new BigDecimal("0.000975"), null, "USD", null));
        assertThat(catalogue("{per-second: 1}").currencies()).containsExactly("EUR", "USD");
    }

    @Test
    void isUnknownIfTheCatalogueHasNone() {
        assertThat(Catalogue.read("mine.yaml", PARENT, none -> null, null).price(ProviderName.UPSTAGE, "b")).isEmpty();
        assertThat(catalogue("{input: 1}").price(ProviderName.REPLICATE, "b")).isEmpty();
    }

    @Test
    void ofAProviderIsThatOfItsModelsWithoutAnother() {
        Catalogue catalogue = Catalogue.read("mine.yaml", PARENT.replace("models:", "price: {input: 7, output: 7}\n    models:"), none -> null, null);

        assertThat(catalogue.price(ProviderName.UPSTAGE, "b").orElseThrow().input()).isEqualTo("7");
        assertThat(catalogue.price(ProviderName.UPSTAGE, "a").orElseThrow().input()).isEqualTo("0.10");
    }

    @Test
    void isOverriddenByAFileThatExtends() {
        String mine = "extends: parent.yaml\nproviders:\n  upstage:\n    models:\n      - {id: a, price: {input: 5, output: 6}}\n";
        Catalogue catalogue = Catalogue.read("mine.yaml", mine, parent -> PARENT, null);

        assertThat(catalogue.price(ProviderName.UPSTAGE, "a").orElseThrow().output()).isEqualTo("6");
        assertThat(Catalogue.read("mine.yaml", mine.replace(", price: {input: 5, output: 6}", ""), parent -> PARENT, null)
                .price(ProviderName.UPSTAGE, "a")).as("another model of that id").isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {input: -1}                 | mine.yaml: b: price: input '-1' is not a number from 0
            {per-second: cheap}         | mine.yaml: b: price: per-second 'cheap' is not a number from 0
            {output: 1e999999999}       | mine.yaml: b: price: output '1e999999999' is not a number from 0
            {input: NaN}                | mine.yaml: b: price: input 'NaN' is not a number from 0
            {per-token: 1}              | mine.yaml: b: price: no such field 'per-token'
            {input: 1, currency: euros} | mine.yaml: b: price: currency 'euros' is not three capital letters, such as USD
            {input: 1, date: today}     | mine.yaml: b: price: date 'today' is not a date such as 2026-11-01
            0.5                         | mine.yaml: b: price is not a map
            """)
    void thatIsMalformedFailsTheStart(String price, String message) {
        assertThatThrownBy(() -> catalogue(price)).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            {input: 0.10, cached: 0.01, output: 0.40} | 1000000 | 0       | 0       | 0.1 USD
            {input: 0.10, cached: 0.01, output: 0.40} | 1000    | 400     | 100     | 0.000104 USD
            {input: 0.10, output: 0.40}               | 1000    | 400     | 100     | 0.00014 USD
            {input: 0.10, cached: 0.01, output: 0.40} | 10      | 9999    | 0       | 0.0000001 USD
            {input: 0.10, cached: 0.01}               | 1000    | 0       | 1       | unknown
            {output: 0.40}                            | 1       | 0       | 1       | unknown
            {output: 0.40}                            | 0       | 0       | 5       | 0.000002 USD
            {per-second: 1}                           | 1       | 0       | 1       | unknown
            {input: 0, output: 0}                     | 1000    | 0       | 1000    | 0 USD
            {input: 300, output: 0}                   | 1000000 | 0       | 0       | 300 USD
            """)
    void ofTokens(String price, long prompt, long cached, long completion, String cost) {
        assertThat(tokens(price, prompt, cached, completion)).isEqualTo(cost);
    }

    @Test
    void ofTimeAndOutputs() {
        assertThat(price("{per-second: 0.000975}").time(new BigDecimal("1.197838"))).get().hasToString("0.00116789205 USD");
        assertThat(price("{per-second: 0.000975}").outputs(1)).isEmpty();
        assertThat(price("{per-output: 0.003}").outputs(4)).get().hasToString("0.012 USD");
        assertThat(price("{per-output: 0.003}").time(BigDecimal.ONE)).isEmpty();
    }
}
