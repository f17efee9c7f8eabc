package dev.bactrian.observe;

import java.io.IOException;
import java.time.Duration;
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
import dev.bactrian.text.OneLine;
import org.apache.camel.health.HealthCheckRegistry;
import org.apache.camel.health.HealthCheckResultBuilder;
import org.apache.camel.impl.health.AbstractHealthCheck;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.core5.http.ConnectionRequestTimeoutException;
import org.apache.hc.core5.http.HttpHeaders;
import org.apache.hc.core5.util.Timeout;

/**
 * A readiness check in Camel's own registry of them: whether a provider can be reached, and takes our token. Asks with a
 * GET that costs nothing, when somebody asks for it, and again when what is known is {@value #FRESH_SECONDS} s old. A
 * provider that has neither a token nor an endpoint of its own is not configured, and keeps nobody from being ready.
 */
public final class ProviderHealth extends AbstractHealthCheck {

    private static final int FRESH_SECONDS = 30;
    private static final long LONGEST_SECONDS = 5;
    private static final long LONGEST_WAIT_SECONDS = 2;

    private final String provider;
    private String http;
    private volatile Map<String, Account> accounts = Map.of();
    private Finding found;
    private long foundNano;

    private record Finding(boolean up, String message) {
    }

    private record Question(String whose, Settings settings, HttpGet get, FutureTask<Integer> answer) {
    }

    /** The check of a provider, {@code replicate} say, whose id is {@code bactrian-replicate} then. */
    public ProviderHealth(String provider) {
        super("bactrian", "bactrian-" + provider);
        this.provider = provider;
    }

    /** The name of the {@link ProviderHttp} that asks. */
    public void setHttp(String bean) {
        http = bean;
    }

    /**
     * Puts it into the registry, where the application has one.
     *
     * @throws Exception where Camel does not take it
     */
    public void start() throws Exception {
        // The application's own beans: their names are its own, and by its start they are there.
        getCamelContext().addStartupListener((context, started) -> accounts = context.getRegistry().findByTypeWithName(Account.class));
        HealthCheckRegistry registry = HealthCheckRegistry.get(getCamelContext());
        if (registry != null) {
            registry.register(this);
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
        if (!found.up()) {
            // Spring Boot shows a check's details and not its message.
            builder.detail("reason", found.message());
        }
    }

    /** Asks with the application's own token, and with each other that its accounts bring. */
    private Finding find() {
        Settings own = Settings.of(getCamelContext());
        Map<List<String>, Question> questions = new LinkedHashMap<>();
        ask(questions, "", null, own);
        accounts.forEach((name, account) -> {
            String key = account.key(own);
            ask(questions, " of account '" + name + "'", key, own.account(key));
        });
        long deadline = System.nanoTime() + Duration.ofSeconds(LONGEST_SECONDS).toNanos();
        List<Finding> findings = questions.values().stream().map(question -> finding(question, deadline)).toList();
        return findings.stream().filter(finding -> !finding.up()).findFirst().orElseGet(() -> findings.isEmpty()
                ? new Finding(true, provider + " is not configured: " + provider().access(null).tokenName() + " is not set") : findings.get(0));
    }

    private void ask(Map<List<String>, Question> questions, String whose, String account, Settings settings) {
        Access access = provider().access(account);
        if (access.isClosed()) {
            return;
        }
        questions.computeIfAbsent(List.of(access.probe(), access.token() == null ? "" : access.token()), same -> {
            HttpGet get = new HttpGet(access.probe());
            get.setHeader(HttpHeaders.ACCEPT, "application/json");
            // Not to be taken for one that is unreachable where our requests hold all connections.
            get.setConfig(RequestConfig.custom().setConnectionRequestTimeout(Timeout.ofSeconds(LONGEST_WAIT_SECONDS))
                    .setResponseTimeout(Timeout.ofSeconds(LONGEST_SECONDS)).setProtocolUpgradeEnabled(false).build());
            if (account != null) {
                get.setHeader(ProviderHttp.ACCOUNT, account);
            }
            FutureTask<Integer> answer = new FutureTask<>(() -> client().execute(get, response -> response.getCode()));
            getCamelContext().getExecutorServiceManager().newThread("bactrian-health", answer).start();
            return new Question(whose, settings, get, answer);
        });
    }

    private Finding finding(Question question, long deadline) {
        try {
            return finding(question.whose(), question.answer().get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS));
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
        return getCamelContext().getRegistry().lookupByNameAndType(http, ProviderHttp.class);
    }

    private Finding finding(String whose, int status) {
        return switch (status) {
            case 401, 402, 403 -> new Finding(false, provider + " does not take the token" + whose + ": it answered " + status);
            default -> status >= 500 ? new Finding(false, provider + " is unavailable: it answered " + status)
                    : new Finding(true, provider + " is reachable");
        };
    }
}
