package dev.bactrian.routes.provider;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Url;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.core.Poll;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.core.Steps;
import dev.bactrian.error.Cause;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.http.CallHeaders;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.http.NoRoomException;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.limit.Gate;
import dev.bactrian.limit.Gates;
import dev.bactrian.limit.Retry;
import dev.bactrian.limit.Turns;
import dev.bactrian.observe.Observer;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.ProviderJson;
import dev.bactrian.threads.Descriptors;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.slf4j.Logger;

/**
 * A provider that is polled: it answers a POST of {@code {"engine", "text"}} with {@code {"job"}}, and a GET of that job with
 * {@code {"status", "text", "reason"}}. With {@link AcornJob}, all the Java that such a provider needs.
 */
public final class Acorn implements Provider, CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.acorn");
    private static final String JSON = "application/json";
    private static final int MOST_POLLS = 150;

    private CamelContext camelContext;
    private Settings settings;
    private Retry retry;
    private int mostMisses;
    private String endpoint;
    private String key;
    private Duration pollDelay;

    public void setEndpoint(String url) {
        endpoint = url;
    }

    public void setKey(String secret) {
        key = secret.isBlank() ? null : secret;
    }

    public void setPollDelayMillis(long millis) {
        pollDelay = Duration.ofMillis(millis);
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        settings = Settings.of(context);
        retry = Retry.of(settings);
        mostMisses = settings.count(Property.RETRY_MAX_ATTEMPTS);
        Steps.of(context, Provider.bean("acorn"), Acorn.class).test("isNew", Acorn::isNew).step("request", Acorn::request)
                .step("created", Acorn::created).step("preparePoll", Acorn::preparePoll).test("isPollDue", Acorn::isPollDue)
                .step("polled", Acorn::polled).step("pollFailed", Acorn::pollFailed).test("cancelsNow", Acorn::cancelsNow)
                .step("requestCancel", Acorn::requestCancel).step("cancelAnswered", Acorn::cancelAnswered)
                .step("notCancelled", Acorn::notCancelled);
    }

    @Override
    public String name() {
        return "acorn";
    }

    @Override
    public boolean isPolled() {
        return true;
    }

    @Override
    public String tokenHeader() {
        return "X-Acorn-Key";
    }

    @Override
    public String authorization(String token) {
        return token;
    }

    @Override
    public String idField() {
        return "job";
    }

    @Override
    public Access access(String account) {
        settings.mask(key);
        return new Access(List.of(endpoint), "acorn.key", key, true, endpoint + "/jobs/none", Optional.empty());
    }

    private Gate gate(String of, Generation generation) {
        return Gates.of(camelContext).gate(of, access(generation.account()), Gate.Rate.NONE);
    }

    private Gate polls(Job job) {
        return gate("Acorn's polls", job.generation());
    }

    private void leaveHeaders(Message message, String path, Generation generation, Gate gate) {
        CallHeaders.leave(message, Url.of(endpoint + path).forCamel(), JSON, generation.account());
        message.setHeader(Turns.GATE, gate.name());
    }

    private static AcornJob state(Job job) {
        return (AcornJob) job.poll();
    }

    /** Returns the body of an answer without the key, which it may echo. */
    private String body(Exchange exchange) {
        byte[] body = exchange.getMessage().getBody(byte[].class);
        return settings.masked(body == null ? "" : new String(body, StandardCharsets.UTF_8));
    }

    /** Whether a job must be created. If the ledger has one from before a stop or a crash, continues with it: it is paid for. */
    public boolean isNew(Exchange exchange) {
        Job job = Job.of(exchange);
        String id = job.attempts().failures() > 0 ? null : Ledger.of(camelContext).recall(job.generation());
        if (id != null) {
            job.poll(AcornJob.created(id));
        }
        return id == null;
    }

    /** Unlike the call of {@link Acme}, the create has no {@code ProviderHttp.REQUEST}: a cancel must not cut what may be paid for. */
    @Override
    public void request(Exchange exchange) {
        Generation generation = Job.generation(exchange);
        access(generation.account()).requireToken();
        Message message = exchange.getMessage();
        message.setBody(ProviderJson.bytes(JsonNodeFactory.instance.objectNode().put("engine", generation.model().id())
                .put("text", generation.request().promptFor(false)).setAll(generation.request().options())));
        leaveHeaders(message, "/complete", generation, gate("Acorn's creates", generation));
        message.setHeader(Exchange.CONTENT_TYPE, JSON);
    }

    /** Reads the answer of the create, even one that broke off after the id, and records the job before anything else is done. */
    public void created(Exchange exchange) {
        Job job = Job.of(exchange);
        String body = body(exchange);
        String id = ProviderJson.json(body).or(() -> ProviderJson.begun(body, idField())).map(json -> json.path(idField()).asText())
                .filter(Poll::isValidId).orElseThrow(() -> unreadable("the answer to the create holds no job", body));
        job.poll(AcornJob.created(id));
        Ledger.of(camelContext).record(job.generation(), job.poll());
    }

    private GenerationFailure unreadable(String problem, String body) {
        return new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE,
                problem + ProviderJson.message(body).map(said -> ": " + settings.redact(said)).orElse(""), 200, 1, false, null);
    }

    @Override
    public long pollDelay(Job job) {
        return polls(job).slot(state(job).delay()).plusNanos(999_999).toMillis();
    }

    /** Prepares the next poll. There is none if the request was cancelled, and a later one if the service's limit is used up. */
    public void preparePoll(Exchange exchange) {
        Job job = Job.of(exchange);
        job.markPollDue(!job.isCancelled() && polls(job).tryGo());
        if (job.isPollDue()) {
            leaveHeaders(exchange.getMessage(), "/jobs/" + state(job).getId(), job.generation(), polls(job));
        } else {
            job.poll(job.isCancelled() ? state(job).givenUp(Cancellation.failure(this, 1)) : later(state(job), polls(job).closedFor()));
        }
    }

    /** Whether the prepared poll is to be sent. */
    public boolean isPollDue(Exchange exchange) {
        return Job.of(exchange).isPollDue();
    }

    /** Reads the answer of a poll. */
    public void polled(Exchange exchange) {
        Job job = Job.of(exchange);
        String body = body(exchange);
        JsonNode answer = ProviderJson.json(body).orElse(MissingNode.getInstance());
        String status = answer.path("status").asText();
        if (status.isEmpty()) {
            throw unreadable("the answer to a poll of job " + state(job).getId() + " holds no status", body);
        }
        Observer.of(camelContext).polled(job.generation(), true);
        job.poll(state(job).answered(status, answer.path(status.equals("done") ? "text" : "reason").asText(""),
                state(job).polls() + 1 < MOST_POLLS ? pollDelay : null));
    }

    /** Handles a poll that was not answered: the next one comes later, if it may succeed. */
    public void pollFailed(Exchange exchange) {
        Job job = Job.of(exchange);
        Observer.of(camelContext).polled(job.generation(), false);
        Throwable cause = Cause.of(exchange);
        if (HttpFailures.isRefused(cause)) {
            retry.asked(HttpFailures.headers(cause), HttpFailures.body(cause)).ifPresent(polls(job)::askedToWait);
            job.poll(later(state(job), polls(job).closedFor()));
        } else if (cause instanceof NoRoomException || Descriptors.areExhausted(cause)) {
            job.poll(state(job).refused(pollDelay));
        } else {
            int misses = state(job).misses() + 1;
            GenerationFailure said = HttpFailures.of(cause, this, misses);
            boolean again = HttpFailures.mayPollAgain(cause) && misses <= mostMisses;
            job.poll(state(job).missed(new GenerationFailure(said.type(), said.getMessage(), said.httpStatus(), misses, false, cause),
                    again ? retry.before(misses, HttpFailures.headers(cause), HttpFailures.body(cause)) : null));
        }
    }

    private AcornJob later(AcornJob before, Duration wait) {
        AcornJob later = before.refused(wait);
        return later.refused().compareTo(retry.longestRefusal()) <= 0 ? later : later.givenUp(new GenerationFailure(ErrorType.RATE_LIMITED,
                "acorn has refused polls of job " + later.getId() + " for " + later.refused().toSeconds() + " s", 429, 1, false, null));
    }

    /** Whether to cancel the job, which was given up: once, and again if the service's limit has refused that. */
    public boolean cancelsNow(Exchange exchange) {
        int sent = Job.of(exchange).cancels();
        return sent == 0 || sent <= mostMisses && exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, 0, Integer.class) == 429;
    }

    /** Prepares the cancel. */
    public void requestCancel(Exchange exchange) {
        Job job = Job.of(exchange);
        job.cancelSent();
        exchange.getMessage().setBody("");
        leaveHeaders(exchange.getMessage(), "/jobs/" + state(job).getId() + "/stop", job.generation(), polls(job));
    }

    /** Logs the answer to the cancel. */
    public void cancelAnswered(Exchange exchange) {
        Job job = Job.of(exchange);
        LOG.info("{}: job {} abandoned; its cancel was answered {}", job.generation().id(), job.poll().getId(),
                exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE));
    }

    /** Logs that the cancel could not be sent, which has no other effect. */
    public void notCancelled(Exchange exchange) {
        Job job = Job.of(exchange);
        LOG.warn("{}: job {} abandoned but not cancelled: {}", job.generation().id(), job.poll().getId(),
                settings.redact(OneLine.of(Cause.words(Cause.of(exchange)))));
    }

    @Override
    public void read(Job job) {
        AcornJob state = state(job);
        if (state.status().equals("broken")) {
            throw new GenerationFailure(ErrorType.PREDICTION_FAILED, settings.redact(OneLine.of(state.said())));
        } else if (!state.isEnded()) {
            throw state.problem() != null ? state.problem()
                    : new GenerationFailure(ErrorType.TIMEOUT, "job " + state.getId() + " did not finish within " + state.polls() + " polls");
        }
        WholeText text = new WholeText(state.said());
        job.answer(text, text);
        if (text.count() > 0) {
            Observer.of(camelContext).firstChunk(job.generation());
        }
    }
}
