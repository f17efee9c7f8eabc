package dev.bactrian.model;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

import dev.bactrian.config.Settings;

/**
 * The price of a model. A part that is null is unknown, not zero.
 *
 * @param input     per million input tokens
 * @param cached    per million input tokens that the provider had cached; if null, they cost as much as the others
 * @param output    per million output tokens
 * @param perSecond per second that a prediction runs
 * @param perOutput per output, such as an image
 * @param currency  the currency, three capital letters
 * @param date      when the price was looked up, or null
 */
public record Price(BigDecimal input, BigDecimal cached, BigDecimal output, BigDecimal perSecond, BigDecimal perOutput, String currency,
        LocalDate date) {

    private static final Set<String> FIELDS = Set.of("input", "cached", "output", "per-second", "per-output", "currency", "date");
    private static final Pattern CURRENCY = Pattern.compile("[A-Z]{3}");
    private static final String DEFAULT_CURRENCY = "USD";
    private static final int MOST_DIGITS = 15;
    /** The number of decimal places of an amount. */
    private static final int PLACES = 12;
    private static final int MILLION = 6;

    /**
     * Reads the field {@code price} of a catalogue.
     *
     * @param where  where the field is, for messages
     * @param fields the value, whose scalars are text
     * @throws IllegalArgumentException if a field is unknown or malformed; the message is one line
     */
    static Price read(String where, Object fields) {
        if (!(fields instanceof Map<?, ?> map)) {
            throw Catalogue.problem(where, "price is not a map");
        }
        for (Object name : map.keySet()) {
            if (!FIELDS.contains(String.valueOf(name))) {
                throw Catalogue.problem(where, "price: no such field '" + name + "'");
            }
        }
        String currency = text(map, "currency");
        if (currency != null && !CURRENCY.matcher(currency).matches()) {
            throw Catalogue.problem(where, "price: currency '" + currency + "' is not three capital letters, such as USD");
        }
        return new Price(number(where, map, "input"), number(where, map, "cached"), number(where, map, "output"),
                number(where, map, "per-second"), number(where, map, "per-output"), currency == null ? DEFAULT_CURRENCY : currency,
                date(where, text(map, "date")));
    }

    private static String text(Map<?, ?> map, String name) {
        Object value = map.get(name);
        return value == null ? null : Settings.trimmed(value.toString());
    }

    private static BigDecimal number(String where, Map<?, ?> map, String name) {
        String text = text(map, name);
        return text == null ? null : amount(text).orElseThrow(
                () -> Catalogue.problem(where, "price: " + name + " '" + text + "' is not a number from 0"));
    }

    /** Parses an amount of money: a number from 0 with at most 15 digits before and after the point. Empty if it is none. */
    public static Optional<BigDecimal> amount(String text) {
        try {
            BigDecimal number = new BigDecimal(text);
            boolean small = number.precision() <= 2 * MOST_DIGITS && Math.abs((long) number.scale()) <= MOST_DIGITS;
            return Optional.of(number).filter(value -> small && value.signum() >= 0);
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    private static LocalDate date(String where, String text) {
        try {
            return text == null ? null : LocalDate.parse(text);
        } catch (DateTimeException e) {
            throw Catalogue.problem(where, "price: date '" + text + "' is not a date such as 2026-11-01");
        }
    }

    /**
     * Returns what tokens cost; empty if a price that is needed is unknown.
     *
     * @param prompt     the number of input tokens, including cached ones
     * @param cached     the number of cached input tokens
     * @param completion the number of output tokens, including reasoning
     */
    public Optional<Cost> tokens(long prompt, long cached, long completion) {
        long known = Math.max(0, Math.min(prompt, cached));
        if (input == null && output == null || prompt - known > 0 && input == null || known > 0 && input == null && this.cached == null
                || completion > 0 && output == null || prompt < 0 || completion < 0) {
            return Optional.empty();
        }
        BigDecimal sum = times(input, prompt - known).add(times(this.cached == null ? input : this.cached, known))
                .add(times(output, completion));
        return Optional.of(cost(sum.movePointLeft(MILLION), Cost.Basis.TOKENS));
    }

    private static BigDecimal times(BigDecimal price, long count) {
        return count == 0 ? BigDecimal.ZERO : price.multiply(BigDecimal.valueOf(count));
    }

    /** Returns what a prediction that ran so long costs; empty if the price is unknown. */
    public Optional<Cost> time(BigDecimal seconds) {
        return perSecond == null || seconds.signum() < 0 ? Optional.empty()
                : Optional.of(cost(perSecond.multiply(seconds), Cost.Basis.TIME));
    }

    /** Returns what so many outputs cost; empty if the price is unknown. */
    public Optional<Cost> outputs(long count) {
        return perOutput == null || count < 0 ? Optional.empty() : Optional.of(cost(times(perOutput, count), Cost.Basis.OUTPUTS));
    }

    private Cost cost(BigDecimal amount, Cost.Basis basis) {
        BigDecimal plain = amount.setScale(Math.min(Math.max(amount.scale(), 0), PLACES), RoundingMode.HALF_UP).stripTrailingZeros();
        return new Cost(plain.scale() < 0 ? plain.setScale(0) : plain, currency, basis, false);
    }
}
