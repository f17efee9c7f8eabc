package dev.bactrian.observe;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import dev.bactrian.config.Settings;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.generate.Account;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.limit.Circuits;
import dev.bactrian.limit.Keys;
import dev.bactrian.text.OneLine;
import org.apache.camel.CamelContext;
import org.apache.camel.health.HealthCheckRegistry;
import org.apache.camel.health.HealthCheckResultBuilder;
import org.apache.camel.impl.health.AbstractHealthCheck;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.core5.http.ConnectionRequestTimeoutException;
import org.apache.hc.core5.http.HttpHeaders;
import org.apache.hc.core5.util.Timeout;

/**
 * A readiness check in Camel's health check registry: whether a provider can be reached and accepts our token. Sends a GET that
 * costs nothing, on request and at most every {@value #FRESH_SECONDS} s. A provider without a token and an endpoint of its own is
 * not configured, and counts as ready.
 */
public final class ProviderHealth extends AbstractHealthCheck {

    private static final int FRESH_SECONDS = 30;
    private static final long LONGEST_SECONDS = 5;
    private static final String REFUSES = " does not take the token";
    private static final long LONGEST_WAIT_SECONDS = 2;

    private final String provider;
    private volatile Map<String, Account> accounts = Map.of();
    private Finding found;
    private long foundNano;

    private record Finding(boolean up, String message) {
    }

    /** A call with one of the tokens of an account; {@code token} is how messages show it, or empty if it is the only one. */
    private record Question(String whose, Access access, String token, Settings settings, HttpGet get, FutureTask<Integer> answer) {
    }

    private ProviderHealth(String provider) {
        super("bactrian", "bactrian-" + provider);
        this.provider = provider;
    }

    /**
     * Registers the check of a provider, if the application has a registry of health checks.
     *
     * @param provider the provider's name, such as {@code replicate}; the id of its check is then {@code bactrian-replicate}
     * @throws Exception if Camel does not accept it
     */
    public static void register(CamelContext context, String provider) throws Exception {
        HealthCheckRegistry registry = HealthCheckRegistry.get(context);
        if (registry != null) {
            ProviderHealth check = new ProviderHealth(provider);
            check.setCamelContext(context);
            // The application chooses the names of these beans. They exist once it has started.
            context.addStartupListener((started, already) -> check.accounts = started.getRegistry().findByTypeWithName(Account.class));
            registry.register(check);
        }
    }

    @Override
    public boolean isLiveness() {
        return false;
    }

    @Override
    protected void doCall(HealthCheckResultBuilder builder, Map<String, Object> options) {
        if (found == null || System.nanoTime() - foundNano > Duration.ofSeconds(FRESH_SECONDS).toNanos()) {
            found = find();
            foundNano = System.nanoTime();
        }
        builder.state(found.up() ? State.UP : State.DOWN).message(found.message());
        List<String> open = Circuits.open(getCamelContext(), provider);
        if (!open.isEmpty()) {
            // Not down: other models of the provider may answer.
            builder.detail("circuits", String.join("; ", open));
        }
        if (!found.up()) {
            // Spring Boot shows the details of a check and not its message.
            builder.detail("reason", found.message());
        }
    }

    /** Checks with the application's own token and with each other token of its accounts. */
    private Finding find() {
        if (provider() == null) {
            return new Finding(true, provider + " has no routes here");
        }
        Settings own = Settings.of(getCamelContext());
        Map<List<String>, Question> questions = new LinkedHashMap<>();
        ask(questions, "", null, own);
        accounts.forEach((name, account) -> {
            String key = account.key(own);
            ask(questions, " of account '" + name + "'", key, own.account(key));
        });
        long deadline = System.nanoTime() + Duration.ofSeconds(LONGEST_SECONDS).toNanos();
        Map<Access, List<Finding>> ofAccesses = new LinkedHashMap<>();
        questions.values().forEach(question -> ofAccesses.computeIfAbsent(question.access(), none -> new ArrayList<>()).add(finding(question, deadline)));
        List<Finding> findings = ofAccesses.entrySet().stream().map(entry -> together(entry.getKey(), entry.getValue())).toList();
        return findings.stream().filter(finding -> !finding.up()).findFirst().orElseGet(() -> findings.isEmpty()
                ? new Finding(true, provider + " is not configured: " + provider().access(null).tokenName() + " is not set") : findings.get(0));
    }

    /** Of several tokens one is enough. */
    private Finding together(Access access, List<Finding> findings) {
        Finding best = findings.stream().filter(Finding::up).findFirst().orElse(findings.get(0));
        String aside = Keys.of(getCamelContext()).setAside(access, null);
        return !access.hasSeveral() ? best : !best.up() && findings.stream().allMatch(finding -> finding.message().contains(REFUSES))
                ? new Finding(false, provider + " takes none of the keys of " + access.tokenName() + ": " + aside)
                : aside.isEmpty() ? best : new Finding(best.up(), best.message() + "; keys of " + access.tokenName() + " that are set aside: " + aside);
    }

    private void ask(Map<List<String>, Question> questions, String whose, String account, Settings settings) {
        Access access = provider().access(account);
        if (access.isClosed()) {
            return;
        }
        for (String token : access.hasSeveral() ? access.tokens() : Collections.singletonList(access.token())) {
            ask(questions, whose, account, settings, access, token);
        }
    }

    private void ask(Map<List<String>, Question> questions, String whose, String account, Settings settings, Access access, String token) {
        questions.computeIfAbsent(List.of(access.probe(), token == null ? "" : token), same -> {
            HttpGet get = new HttpGet(access.probe());
            get.setHeader(HttpHeaders.ACCEPT, "application/json");
            // A short timeout, so that a busy connection pool is not mistaken for an unreachable provider.
            get.setConfig(RequestConfig.custom().setConnectionRequestTimeout(Timeout.ofSeconds(LONGEST_WAIT_SECONDS))
                    .setResponseTimeout(Timeout.ofSeconds(LONGEST_SECONDS)).setProtocolUpgradeEnabled(false).build());
            if (account != null) {
                get.setHeader(ProviderHttp.ACCOUNT, account);
            }
            if (access.hasSeveral()) {
                get.setHeader(ProviderHttp.TOKEN, Access.nameOf(token));
            }
            FutureTask<Integer> answer = new FutureTask<>(() -> client().execute(get, response -> response.getCode()));
            getCamelContext().getExecutorServiceManager().newThread("bactrian-health", answer).start();
            return new Question(whose, access, access.hasSeveral() ? " " + access.shown(token) : "", settings, get, answer);
        });
    }

    private Finding finding(Question question, long deadline) {
        try {
            return finding(question.token() + question.whose(), question.answer().get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS));
        } catch (TimeoutException e) {
            return new Finding(false, provider + " is unreachable: no answer within " + LONGEST_SECONDS + " s");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof ConnectionRequestTimeoutException) {
                return new Finding(true, provider + " is busy with our requests on all connections");
            }
            String reason = e.getCause() instanceof IOException ? e.getCause().getMessage() : e.getCause().toString();
            return new Finding(false, provider + " is unreachable: " + question.settings().redact(OneLine.of(String.valueOf(reason))));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Finding(false, provider + " was not asked: interrupted");
        } finally {
            question.get().cancel();
        }
    }

    private Provider provider() {
        return Provider.of(getCamelContext(), provider);
    }

    private ProviderHttp client() {
        return getCamelContext().getRegistry().lookupByNameAndType(Provider.bean(provider) + "Http", ProviderHttp.class);
    }

    private Finding finding(String whose, int status) {
        return switch (status) {
            case 401, 402, 403 -> new Finding(false, provider + REFUSES + whose + ": it answered " + status);
            default -> status >= 500 ? new Finding(false, provider + " is unavailable: it answered " + status)
                    : new Finding(true, provider + " is reachable");
        };
    }
}
