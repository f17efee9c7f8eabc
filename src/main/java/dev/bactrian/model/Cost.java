package dev.bactrian.model;

import java.math.BigDecimal;
import java.util.Locale;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

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

    /** Returns the field {@code cost} of a document. */
    public ObjectNode document() {
        ObjectNode document = JsonNodeFactory.instance.objectNode().put("amount", amount).put("currency", currency).put("basis", basis.toString());
        return estimated ? document.put("estimated", true) : document;
    }

    /** Reads what {@link #document} returns; null if it is none. */
    public static Cost read(JsonNode document) {
        JsonNode basis = document.path("basis");
        boolean known = document.path("amount").isNumber() && document.path("currency").isTextual() && basis.isTextual();
        return known ? new Cost(document.get("amount").decimalValue(), document.get("currency").textValue(),
                Basis.valueOf(basis.textValue().toUpperCase(Locale.ROOT)), document.path("estimated").asBoolean()) : null;
    }

    /** Returns the cost as text, such as {@code 0.00042 USD}. */
    @Override
    public String toString() {
        return amount.toPlainString() + " " + currency;
    }

    /** Returns the sum of both, with the basis of this one; this one alone if the other is in another currency. */
    public Cost plus(Cost other) {
        return currency.equals(other.currency) ? new Cost(amount.add(other.amount), currency, basis, estimated || other.estimated) : this;
    }

    /** Returns the same cost, marked as an estimate. */
    public Cost asEstimate() {
        return new Cost(amount, currency, basis, true);
    }
}
