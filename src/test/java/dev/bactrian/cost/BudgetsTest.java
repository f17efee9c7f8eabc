package dev.bactrian.cost;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;

import dev.bactrian.cost.Budgets.Limit;
import dev.bactrian.ledger.Spending.Item;
import dev.bactrian.ledger.Spending.Sum;
import dev.bactrian.model.Cost;
import dev.bactrian.support.CapturedLog;
import org.junit.jupiter.api.Test;

class BudgetsTest {

    private static final Limit DAY = new Limit("day", Budgets.ALL, true, new BigDecimal("10"), "USD");
    private static final Limit MONTH = new Limit("month", Budgets.ALL, false, new BigDecimal("15"), "USD");
    private static final Limit KEY = new Limit("key", Budgets.key("ab12"), true, new BigDecimal("1"), "USD");
    private static final Limit TEAM = new Limit("team", Budgets.account("team"), true, new BigDecimal("2"), "USD");

    private long now = Long.MAX_VALUE - 5;
    private String today = "2026-11-27";
    private final Budgets budgets = new Budgets(() -> now, () -> today);
    private int requests;

    private static Sum sum(String amount, long requests) {
        return new Sum(new BigDecimal(amount), requests);
    }

    private Item item(String key, String account, String currency) {
        return new Item(LocalDate.parse(today), "upstage", "m", account, key, currency);
    }

    private boolean passes(String likely, boolean certain, Limit... limits) {
        Cost cost = likely == null ? null : new Cost(new BigDecimal(likely), "USD", Cost.Basis.TOKENS, true);
        return budgets.hold("r" + requests++, List.of(limits), List.of(Budgets.ALL, Budgets.key("ab12"), Budgets.account("team")), cost, certain, 1000)
                .isEmpty();
    }

    @Test
    void countsWhatIsSpentAndWhatIsInWork() {
        budgets.added(item("ab12", "", "USD"), sum("7", 1));

        assertThat(passes("2", true, DAY)).isTrue();
        assertThat(passes("2", true, DAY)).as("7 + 2 + 2").isFalse();
        assertThat(passes("1", true, DAY)).as("7 + 2 + 1").isTrue();
        budgets.release("r0");
        assertThat(passes("2", true, DAY)).isTrue();
        assertThat(budgets.words(DAY)).isEqualTo("70 % spent (7 of 10 USD), about 3 USD more in work");
    }

    @Test
    void aNewDayAndANewMonthBeginWithNothing() {
        budgets.added(item("ab12", "", "USD"), sum("10", 1));
        assertThat(passes("1", true, DAY, MONTH)).isFalse();
        today = "2026-11-28";
        assertThat(passes("1", true, DAY, MONTH)).isTrue();
        budgets.release("r1");
        budgets.added(item("ab12", "", "USD"), sum("5", 1));
        assertThat(passes("1", true, DAY)).isTrue();
        assertThat(passes("1", true, MONTH)).isFalse();
        today = "2026-12-01";
        assertThat(passes("1", true, DAY, MONTH)).isTrue();
    }

    @Test
    void limitsKeysAndAccountsOnTheirOwn() {
        budgets.added(item("cd34", "other", "USD"), sum("5", 1));
        assertThat(passes("0.5", true, DAY, KEY, TEAM)).isTrue();
        budgets.release("r0");
        budgets.added(item("ab12", "other", "USD"), sum("1", 1));
        assertThat(passes("0.5", true, KEY)).isFalse();
        assertThat(passes("0.5", true, TEAM)).isTrue();
        assertThat(budgets.isSpent("ab12")).isTrue();
        assertThat(budgets.isSpent("cd34")).isFalse();
    }

    @Test
    void aRequestThatFindsNoRoomWithAnotherKeyKeepsItsOwn() {
        Limit other = new Limit("other", Budgets.key("cd34"), true, new BigDecimal("0.5"), "USD");
        assertThat(passes("0.8", true, KEY)).isTrue();

        assertThat(budgets.holdKey("r0", "cd34", List.of(other), false)).contains(other);
        assertThat(passes("0.8", true, KEY)).as("in work with the first key").isFalse();
        assertThat(budgets.holdKey("r0", "cd34", List.of(other), true)).contains(other);
        assertThat(passes("0.8", true, KEY)).isTrue();
    }

    @Test
    void aGuessLetsOneRequestPassAtATime() {
        assertThat(passes("50", false, DAY)).isTrue();
        assertThat(passes("50", false, DAY)).isFalse();
        budgets.release("r0");
        budgets.added(item("ab12", "", "USD"), sum("9", 1));
        assertThat(passes("50", false, DAY)).isTrue();
        budgets.release("r2");
        budgets.added(item("ab12", "", "USD"), sum("1", 1));
        assertThat(passes("50", false, DAY)).as("all is spent").isFalse();
    }

    @Test
    void anUnknownCostPassesUntilAllIsSpentAndAFreeModelAlways() {
        assertThat(passes(null, false, DAY)).isTrue();
        budgets.added(item("ab12", "", "EUR"), sum("10", 1));
        assertThat(passes(null, false, DAY)).as("another currency does not count").isTrue();
        budgets.added(item("ab12", "", "USD"), sum("10", 1));
        assertThat(passes(null, false, DAY)).isFalse();
        assertThat(passes("0", true, DAY)).isTrue();
    }

    @Test
    void aHoldThatNobodyEndsIsForgotten() {
        assertThat(passes("9", true, DAY)).isTrue();
        assertThat(passes("9", true, DAY)).isFalse();
        now += 1001;
        assertThat(passes("9", true, DAY)).as("also where the clock overflows").isTrue();
    }

    @Test
    void theSumsOfTheLedgerReplaceItsOwn() {
        budgets.added(item("ab12", "", "USD"), sum("1", 1));
        budgets.all(Map.of(item("ab12", "", "USD"), sum("3", 2), item("cd34", "team", "USD"), sum("4", 1)));
        budgets.know(DAY);

        assertThat(budgets.words(DAY)).isEqualTo("70 % spent (7 of 10 USD)");
        assertThat(budgets.state()).containsExactly(Map.entry("day", "70 % spent (7 of 10 USD)"));
    }

    @Test
    void learnsWhatAModelCostsFromItsLastRequests() {
        assertThat(budgets.average("m", "USD")).isEmpty();
        budgets.all(Map.of(item("ab12", "", "USD"), sum("1000", 1000)));
        assertThat(budgets.average("m", "USD").orElseThrow()).isEqualByComparingTo("1");
        for (int i = 0; i < 60; i++) {
            budgets.added(item("ab12", "", "USD"), sum("3", 1));
        }
        assertThat(budgets.average("m", "USD").orElseThrow()).isBetween(new BigDecimal("2.8"), new BigDecimal("3"));
        assertThat(budgets.average("m", "EUR")).isEmpty();
    }

    @Test
    void warnsOnceAtEightyPercentAndOnceAtTheLimit() {
        budgets.know(DAY);
        try (CapturedLog log = new CapturedLog()) {
            budgets.added(item("ab12", "", "USD"), sum("7.9", 1));
            assertThat(budgets.warnings()).isEmpty();
            assertThat(log.lines("day:")).isEmpty();
            budgets.added(item("ab12", "", "USD"), sum("0.4", 1));
            budgets.added(item("ab12", "", "USD"), sum("0.1", 1));
            assertThat(log.lines("day:")).singleElement().asString().contains("83 % spent (8.3 of 10 USD)");
            assertThat(budgets.warnings()).containsExactly("day: 84 % spent (8.4 of 10 USD)");
            budgets.added(item("ab12", "", "USD"), sum("9", 1));
            budgets.added(item("ab12", "", "USD"), sum("9", 1));
            assertThat(log.lines("day:")).hasSize(2);
        }
    }
}
