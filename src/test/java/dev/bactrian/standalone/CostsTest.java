package dev.bactrian.standalone;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.Map;

import dev.bactrian.ledger.Spending.Item;
import dev.bactrian.ledger.Spending.Sum;
import org.junit.jupiter.api.Test;

class CostsTest {

    @Test
    void printsASumALineAndTheTotals() {
        Map<Item, Sum> sums = Map.of(
                new Item(LocalDate.of(2026, 11, 27), "upstage", "solar-mini4", "", "ab12", "USD"), new Sum(new BigDecimal("0.00042"), 3),
                new Item(LocalDate.of(2026, 11, 26), "upstage", "solar-mini4", "team", "cd34", "USD"), new Sum(new BigDecimal("10"), 1200),
                new Item(LocalDate.of(2026, 11, 27), "replicate", "owner/name", "", "none", "EUR"), new Sum(new BigDecimal("0.50"), 1));

        assertThat(Costs.table(sums)).isEqualTo("""
                day (UTC)   provider   model        account  key   requests         cost
                2026-11-26  upstage    solar-mini4  team     cd34      1200    10.00 USD
                2026-11-27  replicate  owner/name   -        none         1     0.50 EUR
                2026-11-27  upstage    solar-mini4  -        ab12         3  0.00042 USD
                total                                                     1     0.50 EUR
                total                                                  1203  10.00042 USD
                """.replace("     cost", "      cost").replace("   10.00 USD", "    10.00 USD").replace("    0.50 EUR", "     0.50 EUR")
                .replace("  0.00042 USD", "   0.00042 USD"));
        assertThat(Costs.table(Map.of())).isEqualTo("nothing is recorded\n");
    }
}
