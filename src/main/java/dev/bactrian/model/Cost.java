package dev.bactrian.model;

import java.math.BigDecimal;
import java.util.Locale;

/**
 * What a request has cost, as reckoned from the price of its model.
 *
 * @param amount    the amount, without trailing zeros
 * @param currency  the currency of the price, such as {@code USD}
 * @param basis     what was counted
 * @param estimated whether the provider has not reported the count, because the answer broke off
 */
public record Cost(BigDecimal amount, String currency, Basis basis, boolean estimated) {

    /** What is counted. */
    public enum Basis {
        TOKENS, TIME, OUTPUTS;

        /** Returns the name as documents write it. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** Returns the cost as text, such as {@code 0.00042 USD}. */
    @Override
    public String toString() {
        return amount.toPlainString() + " " + currency;
    }

    /** Returns the same cost, marked as an estimate. */
    public Cost asEstimate() {
        return new Cost(amount, currency, basis, true);
    }
}
