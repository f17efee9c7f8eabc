package dev.bactrian.cost;

import java.util.List;
import java.util.Map;

import org.apache.camel.CamelContext;
import org.apache.camel.health.HealthCheckRegistry;
import org.apache.camel.health.HealthCheckResultBuilder;
import org.apache.camel.impl.health.AbstractHealthCheck;

/**
 * A readiness check that shows how much of each budget is spent. Always up, because another instance would not help: they share the
 * budgets.
 */
final class BudgetHealth extends AbstractHealthCheck {

    private static final String ID = "bactrian-budget";

    private final Budgets budgets;

    private BudgetHealth(Budgets budgets) {
        super("bactrian", ID);
        this.budgets = budgets;
    }

    static void register(CamelContext context, Budgets budgets) {
        HealthCheckRegistry registry = HealthCheckRegistry.get(context);
        if (registry != null && registry.getCheck(ID).isEmpty()) {
            BudgetHealth check = new BudgetHealth(budgets);
            check.setCamelContext(context);
            registry.register(check);
        }
    }

    @Override
    public boolean isLiveness() {
        return false;
    }

    @Override
    protected void doCall(HealthCheckResultBuilder builder, Map<String, Object> options) {
        List<String> warnings = budgets.warnings();
        builder.state(State.UP).message(warnings.isEmpty() ? "less than 80 % of each budget is spent" : String.join("; ", warnings));
        budgets.state().forEach(builder::detail);
    }
}
