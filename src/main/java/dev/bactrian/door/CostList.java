package dev.bactrian.door;

import java.math.BigDecimal;
import java.net.URISyntaxException;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Steps;
import dev.bactrian.cost.Costs;
import dev.bactrian.generate.Account;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.ledger.Spending;
import dev.bactrian.ledger.Spending.Item;
import dev.bactrian.ledger.Spending.Sum;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.util.URISupport;

/** What was spent, as the ledger has recorded it, and the budgets. */
public final class CostList implements CamelContextAware {

    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        Steps.of(context, "bactrianCostList", CostList.class).step("answer", CostList::answer);
    }

    /**
     * Answers with the sums of all days, or of those that the query names, such as {@code days=2026-11}. A caller that may not see all gets
     * those of the account that has its name.
     *
     * @throws Refusal 400 if the query does not name days, 403 if the caller has no account
     */
    public void answer(Exchange exchange) {
        String account = account(Call.of(exchange).caller());
        String days = days(exchange.getMessage().getHeader(Exchange.HTTP_QUERY, "", String.class));
        ObjectNode list = JsonNodeFactory.instance.objectNode().put("days", days);
        sums(list, Ledger.of(camelContext).spending().read(days).entrySet().stream()
                .filter(sum -> account == null || sum.getKey().account().equals(Spending.recorded(account))).toList());
        ArrayNode budgets = list.putArray("budgets");
        Costs.of(camelContext).budgets().stream().filter(budget -> account == null || account.equals(budget.account()))
                .forEach(budget -> budgets.addObject().put("name", budget.name()).put("percent", budget.percent()).put("spent", plain(budget.spent()))
                        .put("limit", plain(budget.limit())).put("inWork", plain(budget.inWork())).put("currency", budget.currency()));
        Call.of(exchange).answer(exchange, 200, Answers.JSON, Answers.bytes(list));
    }

    /** Returns the name under which the caller's spending is recorded, or null if it may see that of all. */
    private String account(Caller caller) {
        if (caller.admin()) {
            return null;
        } else if (camelContext.getRegistry().lookupByName(caller.name()) instanceof Account account) {
            return account.name() == null ? caller.name() : account.name();
        }
        throw new Refusal(403, "forbidden", "no account has the name of this key; what all have spent is for administrators");
    }

    private static String days(String query) {
        Object days;
        try {
            days = URISupport.parseQuery(query).getOrDefault("days", "");
        } catch (URISyntaxException e) {
            days = null;
        }
        if (days instanceof String text && (text.isEmpty() || Spending.isDays(text))) {
            return text;
        }
        throw new Refusal(400, "invalid-request", "days: not a day, month or year such as 2026-11-27, 2026-11 or 2026");
    }

    private static void sums(ObjectNode list, List<Map.Entry<Item, Sum>> sums) {
        ArrayNode all = list.putArray("sums");
        Map<String, Sum> totals = new TreeMap<>();
        sums.stream().sorted(Comparator.comparing(sum -> sum.getKey().toString())).forEach(sum -> {
            Item item = sum.getKey();
            add(all.addObject().put("day", item.day().toString()).put("provider", item.provider()).put("model", item.model())
                    .put("account", item.account()).put("key", item.key()), sum.getValue(), item.currency());
            totals.merge(item.currency(), sum.getValue(), Sum::plus);
        });
        ArrayNode total = list.putArray("totals");
        totals.forEach((currency, sum) -> add(total.addObject(), sum, currency));
    }

    private static void add(ObjectNode entry, Sum sum, String currency) {
        entry.put("requests", sum.requests()).put("amount", plain(sum.amount())).put("currency", currency);
    }

    private static BigDecimal plain(BigDecimal amount) {
        return amount.signum() == 0 ? BigDecimal.ZERO : amount.stripTrailingZeros();
    }
}
