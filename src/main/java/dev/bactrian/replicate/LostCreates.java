package dev.bactrian.replicate;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.RejectedExecutionException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.ReplicateApi;
import dev.bactrian.config.Url;
import dev.bactrian.core.Job;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Steps;
import dev.bactrian.error.Cause;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.error.NotAcceptedException;
import dev.bactrian.error.NotSentException;
import dev.bactrian.generate.Generation;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.ledger.Intent;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.ledger.Ledger.Claim;
import dev.bactrian.limit.Retry;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.slf4j.Logger;

/**
 * Finds the prediction of a create whose answer was lost, for {@code routes/replicate.camel.yaml}: by a 5xx, a broken connection or a
 * timeout, or with the process that had sent it. The prediction is paid for, and is continued with. If there is none, the create is
 * made again.
 */
public final class LostCreates implements CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.replicate");
    private static final String ID = "/{id}";

    private CamelContext camelContext;
    private Settings settings;
    private Retry retry;
    private int mostRetries;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        settings = Settings.of(camelContext);
        retry = Retry.of(settings);
        mostRetries = settings.count(Property.RETRY_MAX_ATTEMPTS);
        Steps.of(camelContext, "bactrianLostCreates", LostCreates.class).step("intend", LostCreates::intend).step("lost", LostCreates::lost)
                .test("isPending", LostCreates::isPending).value("delay", LostCreates::delay).step("request", LostCreates::request)
                .step("answered", LostCreates::answered).step("failed", LostCreates::failed).step("end", LostCreates::end);
    }

    private Replicate replicate() {
        return (Replicate) Provider.of(camelContext, "replicate");
    }

    private Ledger ledger() {
        return Ledger.of(camelContext);
    }

    private Settings settings(Generation generation) {
        return settings.account(generation.account());
    }

    /** Records the create before it is sent, so that its prediction can be found if the answer does not arrive. */
    public void intend(Exchange exchange) {
        Generation generation = Job.generation(exchange);
        Intent intent = new Intent(Instant.now().truncatedTo(ChronoUnit.MILLIS), replicate().inputHash(generation), generation.token());
        ledger().intend(generation, intent);
        lookup(generation, intent, null).in(exchange);
    }

    private Lookup lookup(Generation generation, Intent intent, Instant until) {
        return new Lookup(generation.model(), intent, until, replicate().webhook(generation).orElse(null));
    }

    /** Begins a search if a create was sent for the request before a crash and its answer is not known. */
    void resume(Exchange exchange, Generation generation, Intent intent) {
        if (!isListed(generation)) {
            return;
        }
        LOG.info("{}: a create was sent at {} and its answer is not known; searches for its prediction", generation.id(), intent.since());
        Settings own = settings(generation);
        Lookup lookup = lookup(generation, intent,
                intent.since().plus(own.duration(Property.CONNECT_TIMEOUT)).plus(own.duration(Property.RESPONSE_TIMEOUT)));
        lookup.begin(null, exchange);
        lookup.in(exchange);
    }

    /**
     * Begins a search after a create has failed. If it cannot have been accepted, or the predictions cannot be listed, the request
     * fails as it has.
     */
    public void lost(Exchange exchange) {
        Generation generation = Job.generation(exchange);
        Throwable cause = Cause.of(exchange);
        Lookup lookup = Lookup.of(exchange);
        if (!HttpFailures.mayBeAccepted(cause, replicate())) {
            if (cause.getCause() instanceof NotSentException) {
                ledger().forget(generation.recallKey());
            }
            exchange.setException(cause);
        } else if (!isListed(generation)) {
            exchange.setException(maybePaid(cause, ""));
        } else {
            LOG.warn("{}: {}; searches for its prediction", generation.id(), words(generation, failure(cause).getMessage()));
            lookup.begin(cause, exchange);
        }
    }

    private boolean isListed(Generation generation) {
        return settings.replicateApi() == ReplicateApi.OFFICIAL && settings(generation).require(Property.REPLICATE_POLL_ENDPOINT).contains(ID);
    }

    /** Whether a prediction is searched for. */
    public boolean isPending(Exchange exchange) {
        Lookup lookup = Lookup.of(exchange);
        return lookup != null && lookup.isPending();
    }

    /** Returns the milliseconds before the next call. */
    public long delay(Exchange exchange) {
        return Lookup.of(exchange).delay().toMillis();
    }

    /** Sets the headers of the next call: it reads a page of the list, or a prediction that the list shows without its input. */
    public void request(Exchange exchange) {
        Generation generation = Job.generation(exchange);
        Lookup lookup = Lookup.of(exchange);
        String endpoint = settings(generation).require(Property.REPLICATE_POLL_ENDPOINT);
        String url = lookup.reads() != null ? endpoint.replace("{id}", lookup.reads())
                : endpoint.replace(ID, "") + (endpoint.contains("?") ? "&" : "?") + lookup.query();
        exchange.getMessage().setBody(null);
        replicate().prepareGet(exchange, Url.of(url).forCamel());
    }

    /** Reads the answer to a call. */
    public void answered(Exchange exchange) {
        Generation generation = Job.generation(exchange);
        Lookup lookup = Lookup.of(exchange);
        JsonNode answer = ProviderJson.json(Replicate.text(exchange)).orElse(MissingNode.getInstance());
        if (lookup.reads() != null) {
            lookup.read(answer);
        } else if (!lookup.list(answer)) {
            lookup.giveUp(new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, "the answer is no list of predictions"));
            return;
        } else if (lookup.lost() == null && takesItsOwn(generation, lookup)) {
            return;
        }
        goOn(generation, lookup);
    }

    /**
     * Takes the prediction that the process which has ended claimed for this request and did not record. No other request can take it, so
     * that with an older one in its place another create would be made.
     */
    private boolean takesItsOwn(Generation generation, Lookup lookup) {
        for (String prediction : lookup.candidates()) {
            if (ledger().hasTaken(generation, prediction) && ledger().take(generation, prediction) == Claim.TAKEN) {
                lookup.found(prediction);
                return true;
            }
        }
        return false;
    }

    private void goOn(Generation generation, Lookup lookup) {
        while (lookup.reads() != null && !lookup.isUnread()) {
            String prediction = lookup.reads();
            Claim claim = ledger().take(generation, prediction);
            if (claim == Claim.TAKEN) {
                lookup.found(prediction);
                return;
            } else if (claim == Claim.FOUND_BY_ANOTHER) {
                lookup.foundByAnother(prediction);
            }
            lookup.drop();
        }
        if (lookup.reads() == null) {
            lookup.next(settings(generation).duration(Property.REPLICATE_LOOKUP_DELAY));
        }
    }

    /** Repeats a call that has failed, if that may help; otherwise ends the search. */
    public void failed(Exchange exchange) {
        Job job = Job.of(exchange);
        Lookup lookup = Lookup.of(exchange);
        Throwable cause = Cause.of(exchange);
        if (cause instanceof RejectedExecutionException || job.isCancelled()) {
            exchange.setException(cause);
        } else if (isGone(cause) && lookup.reads() != null) {
            lookup.drop();
            goOn(job.generation(), lookup);
        } else if (HttpFailures.isRefused(cause)) {
            if (lookup.refused(delay(lookup, cause)).compareTo(retry.longestRefusal()) > 0) {
                lookup.giveUp(cause);
            }
        } else if (HttpFailures.mayPollAgain(cause) && !isGone(cause) && lookup.failed() <= mostRetries) {
            lookup.again(delay(lookup, cause));
        } else {
            lookup.giveUp(cause);
        }
    }

    private Duration delay(Lookup lookup, Throwable cause) {
        return retry.before(Math.max(1, lookup.failures()), HttpFailures.headers(cause), HttpFailures.body(cause));
    }

    private static boolean isGone(Throwable cause) {
        return cause instanceof HttpOperationFailedException http && http.getStatusCode() == 404;
    }

    /**
     * Ends the search: the request continues with the prediction that was found. If there is none, the create is made again; if the list
     * cannot be read, a request whose create has failed fails with that, and one of a process that has ended is created anew.
     */
    public void end(Exchange exchange) {
        Job job = Job.of(exchange);
        Generation generation = job.generation();
        Lookup lookup = Lookup.of(exchange);
        if (lookup == null) {
            return;
        }
        lookup.end(exchange);
        if (lookup.found() != null) {
            job.poll(replicate().found(generation, lookup.found()));
        } else if (lookup.problem() != null) {
            String why = words(generation, failure(lookup.problem()).getMessage());
            if (lookup.lost() != null || isPassing(lookup.problem())) {
                exchange.setException(maybePaid(lookup.lost() != null ? lookup.lost() : lookup.problem(), ": its predictions can't be listed: " + why));
            } else {
                LOG.warn("{}: the predictions can't be listed: {}; the create is made again and may be paid for twice", generation.id(), why);
            }
        } else if (lookup.lost() != null) {
            exchange.setException(new NotAcceptedException(failure(lookup.lost()).getMessage() + "; it has created no prediction", lookup.lost()));
        } else {
            LOG.info("{}: the create was not accepted and is made again", generation.id());
        }
    }

    private static boolean isPassing(Throwable problem) {
        return problem instanceof GenerationFailure failure ? failure.type() == ErrorType.RATE_LIMITED || failure.attempts() == 0
                : HttpFailures.mayPollAgain(problem) && !isGone(problem);
    }

    private GenerationFailure maybePaid(Throwable cause, String detail) {
        GenerationFailure said = failure(cause);
        return new GenerationFailure(said.type(), said.getMessage() + "; a prediction may have been paid for" + detail, said.httpStatus(),
                said.attempts(), false, cause);
    }

    private GenerationFailure failure(Throwable cause) {
        return HttpFailures.of(cause, replicate(), 1);
    }

    private String words(Generation generation, String text) {
        return settings(generation).redact(OneLine.of(text));
    }
}
