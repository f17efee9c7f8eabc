package dev.bactrian.replicate;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.ReplicateApi;
import dev.bactrian.config.Url;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import dev.bactrian.core.Poll;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.core.Steps;
import dev.bactrian.emit.ChunkSender;
import dev.bactrian.error.Cause;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.http.CallHeaders;
import dev.bactrian.http.Hosts;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.http.NoRoomException;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.ledger.Ledger;
import dev.bactrian.limit.Gate;
import dev.bactrian.limit.Gates;
import dev.bactrian.limit.Keys;
import dev.bactrian.limit.Retry;
import dev.bactrian.limit.Turns;
import dev.bactrian.model.Kind;
import dev.bactrian.observe.Observer;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.ProviderJson;
import dev.bactrian.threads.Descriptors;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.spi.InflightRepository;
import org.apache.camel.support.CamelContextHelper;
import org.slf4j.Logger;
import org.slf4j.event.Level;

/** The provider of {@code routes/replicate.camel.yaml}: makes its calls, reads their answers, and decides when to poll again. */
public final class Replicate implements Provider, CamelContextAware {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.replicate");
    private static final String JSON = "application/json";
    /** The last parameter of a webhook's URL: which request the prediction belongs to. */
    static final String MARK = "request=";
    private static final String NAME = "replicate";
    /** A valid id of no existing prediction. */
    private static final String NO_PREDICTION = "bactrianhealthcheck";
    private static final String OFFICIAL_HOST = "api.replicate.com";

    private CamelContext camelContext;
    private Settings settings;
    private int mostMisses;
    private Retry retry;
    private Gates gates;
    private Keys keys;
    private Observer observer;
    private Hosts streamHosts;
    /** By account key; the key is empty for no account. */
    private final Map<String, Calls> known = new ConcurrentHashMap<>();
    private final Map<Caller, Gate> pollGates = new ConcurrentHashMap<>();
    private final UsualTimes usualTimes = new UsualTimes();
    private final AtomicBoolean refused = new AtomicBoolean();

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        settings = Settings.of(camelContext);
        mostMisses = settings.count(Property.RETRY_MAX_ATTEMPTS);
        retry = Retry.of(settings);
        gates = Gates.of(camelContext);
        keys = Keys.of(camelContext);
        observer = Observer.of(camelContext);
        streamHosts = Hosts.of(settings.text(Property.REPLICATE_STREAM_HOSTS).orElse(""));
        Steps.of(camelContext, Provider.bean(NAME), Replicate.class).step("recall", Replicate::recall).test("isNew", Replicate::isNew)
                .step("request", Replicate::request).step("created", Replicate::created)
                .test("isStreamed", Replicate::isStreamed).step("requestStream", Replicate::requestStream).step("open", Replicate::open)
                .step("streamFailed", Replicate::streamFailed).step("streamed", Replicate::streamed)
                .step("preparePoll", Replicate::preparePoll).test("isPollDue", Replicate::isPollDue).step("polled", Replicate::polled)
                .step("pollFailed", Replicate::pollFailed)
                .test("cancelsNow", Replicate::cancelsNow).step("requestCancel", Replicate::requestCancel)
                .step("cancelAnswered", Replicate::cancelAnswered).step("notCancelled", Replicate::notCancelled);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean isPolled() {
        return true;
    }

    /**
     * What all calls of an account have in common.
     *
     * @param createUrl the URL of a create
     * @param pollUrl   the URL of a poll, with {@code {id}} in place of the prediction's id
     */
    private record Calls(Access access, String createUrl, String pollUrl) {
    }

    /** An account, and the one of its tokens that a request uses; null for none. */
    private record Caller(String account, String token) {
    }

    /** {@inheritDoc} The probe polls a prediction that does not exist, which costs nothing. */
    @Override
    public Access access(String account) {
        return calls(account).access();
    }

    private Calls calls(String account) {
        String key = account == null ? "" : account;
        Calls calls = known.get(key);
        return calls != null ? calls : known.computeIfAbsent(key, none -> read(account));
    }

    private Calls read(String account) {
        Settings own = settings.account(account);
        String endpoint = own.require(Property.REPLICATE_API_ENDPOINT);
        String poll = own.require(Property.REPLICATE_POLL_ENDPOINT);
        Access access = new Access(List.of(endpoint, poll), Property.REPLICATE_API_TOKEN.key(), own.keys(Property.REPLICATE_API_TOKEN),
                Url.of(endpoint).host().equals(OFFICIAL_HOST), poll.replace("{id}", NO_PREDICTION), own.proxy(Property.REPLICATE_PROXY));
        return new Calls(access, Url.of(endpoint).forCamel(), Url.of(poll).forCamel());
    }

    private Access access(Generation generation) {
        return access(generation.account()).only(generation.token());
    }

    private Gate creates(Generation generation, Access access) {
        return gates.gate("Replicate's creates", access,
                Gate.Rate.perMinute(settings(generation).count(Property.REPLICATE_MAX_CREATES_PER_MINUTE)));
    }

    /** Returns the gate for polls and cancels. */
    private Gate polls(Generation generation) {
        Caller caller = new Caller(generation.account(), generation.token());
        Gate gate = pollGates.get(caller);
        return gate != null ? gate : pollGates.computeIfAbsent(caller, none -> gates.gate("Replicate's polls", access(generation),
                Gate.Rate.spread(settings(generation).count(Property.REPLICATE_MAX_REQUESTS_PER_MINUTE))));
    }

    private Settings settings(Generation generation) {
        return settings.account(generation.account());
    }

    /** Resumes the prediction that was created for the request before a stop or a crash, or begins to look for it. */
    public void recall(Exchange exchange) {
        Job job = Job.of(exchange);
        Ledger.Recalled known = job.attempts().failures() > 0 ? null : Ledger.of(camelContext).recallCreate(job.generation());
        if (known != null && known.prediction() != null) {
            job.generation(job.generation().using(known.token()), this);
            job.poll(recalled(job.generation(), known.prediction()));
        } else if (known != null) {
            job.generation(job.generation().using(known.intent().token()), this);
            lostCreates().resume(exchange, job.generation(), known.intent());
        }
    }

    private LostCreates lostCreates() {
        return CamelContextHelper.mandatoryLookup(camelContext, "bactrianLostCreates", LostCreates.class);
    }

    /** Whether a prediction must be created. */
    public boolean isNew(Exchange exchange) {
        return Job.of(exchange).poll() == null;
    }

    @Override
    public void request(Exchange exchange) {
        Job job = Job.of(exchange);
        Generation generation = keys.choose(job, this, access(job.generation().account()), one -> creates(job.generation(), one));
        Message message = exchange.getMessage();
        message.setBody(body(generation));
        leaveHeaders(generation, message, createUrl(generation), creates(generation, access(generation)));
        message.setHeader(Exchange.CONTENT_TYPE, JSON);
        message.setHeader("Cancel-After", cancelAfter(generation));
        message.setHeader("Prefer", prefer(generation));
    }

    private static void leaveHeaders(Generation generation, Message message, String url, Gate gate) {
        CallHeaders.leaveFor(message, url, JSON, generation);
        message.setHeader(Turns.GATE, gate.name());
    }

    /** Reads the answer to the create. Records the prediction before anything else, so that a crash does not make the user pay twice. */
    public void created(Exchange exchange) {
        Job job = Job.of(exchange);
        PollState created = created(job.generation(), text(exchange));
        if (!Ledger.of(camelContext).record(job.generation(), created)) {
            throw unavailable("prediction " + created.getId() + " was taken for another request with the same input");
        }
        Lookup.remove(exchange);
        keys.accepted(job);
        job.poll(created);
    }

    static String text(Exchange exchange) {
        if (exchange.getMessage().getBody() instanceof byte[] bytes) {
            return new String(bytes, StandardCharsets.UTF_8);
        }
        exchange.setProperty(Exchange.CHARSET_NAME, "UTF-8");
        try {
            return exchange.getMessage().getBody(String.class);
        } finally {
            exchange.removeProperty(Exchange.CHARSET_NAME);
        }
    }

    private static PollState state(Job job) {
        return (PollState) job.poll();
    }

    /**
     * Sets the headers of the poll, if one is due. Makes no poll, but a new state, if a webhook has reported the end or is expected, if
     * the request was cancelled, or if the service's limit is used up, which counts as neither a poll nor a miss.
     */
    public void preparePoll(Exchange exchange) {
        Job job = Job.of(exchange);
        Generation generation = job.generation();
        PollState before = state(job);
        String webhook = webhooks().take(before);
        boolean due = webhook == null && !job.isCancelled() && isDue(generation, before);
        job.markPollDue(due && !isHeldBack(generation, before));
        if (isPollDue(exchange)) {
            leaveHeaders(generation, exchange.getMessage(), pollUrl(generation, before), polls(generation));
        } else {
            job.poll(webhook != null ? webhookReceived(generation, before, webhook) : job.isCancelled() ? abandoned(generation, before)
                    : due ? heldBack(generation, before) : skipped(generation, before));
        }
    }

    /** Sets the headers of a GET at that URL that counts as a poll. */
    void prepareGet(Exchange exchange, String url) {
        Generation generation = Job.generation(exchange);
        leaveHeaders(generation, exchange.getMessage(), url, polls(generation));
    }

    /** Whether the poll was prepared and is to be made. If not, the routes only wait for its delay. */
    public boolean isPollDue(Exchange exchange) {
        return Job.of(exchange).isPollDue();
    }

    private Webhooks webhooks() {
        return CamelContextHelper.mandatoryLookup(camelContext, "bactrianWebhooks", Webhooks.class);
    }

    /** Reads the answer to the poll. */
    public void polled(Exchange exchange) {
        Job job = Job.of(exchange);
        job.poll(seen(job.generation(), state(job), text(exchange)));
    }

    /** Records that the poll was not answered. It is repeated later if that may help. */
    public void pollFailed(Exchange exchange) {
        Job job = Job.of(exchange);
        job.poll(missed(job.generation(), state(job), Cause.of(exchange)));
    }

    @Override
    public long pollDelay(Job job) {
        return pause(job.generation(), state(job));
    }

    @Override
    public void read(Job job) {
        if (!state(job).isSucceeded()) {
            fail(job.generation(), state(job));
        }
        PredictionOutput output = output(job.generation(), state(job), (PredictionStream) job.partial());
        job.answer(output, output.source());
        if (output.before() == 0 && !output.chunks().isEmpty()) {
            observer.wholeText(job.generation());
        }
    }

    /** Whether the text is streamed: somebody wants its chunks, and the service offers a stream at an allowed URL. */
    public boolean isStreamed(Exchange exchange) {
        Job job = Job.of(exchange);
        return job.deliveryCount() == null && chunks().isWanted(exchange) && streams(job.generation(), state(job));
    }

    private ChunkSender chunks() {
        return CamelContextHelper.mandatoryLookup(camelContext, "bactrianChunks", ChunkSender.class);
    }

    /** Sets the headers of the call that opens the prediction's stream, without the token. */
    public void requestStream(Exchange exchange) {
        Job job = Job.of(exchange);
        Message message = exchange.getMessage();
        CallHeaders.leave(message, state(job).prediction().streamUrl(), "text/event-stream", null);
        message.setHeader("Accept-Encoding", "identity");
        message.setHeader("Cache-Control", "no-store");
        message.setHeader(ProviderHttp.REQUEST, job.generation().id());
    }

    /** Opens the stream, an iterator over its chunks. */
    public void open(Exchange exchange) {
        Job job = Job.of(exchange);
        job.partial(open(job.generation(), job.cancellation(), exchange.getMessage().getBody(InputStream.class)));
    }

    /** Logs that the stream cannot be read. The polls decide the outcome. */
    public void streamFailed(Exchange exchange) {
        Job job = Job.of(exchange);
        unstreamed(job.generation(), state(job), Cause.of(exchange));
    }

    /** Records the end of the stream, whatever its reason. The polls continue from here. */
    public void streamed(Exchange exchange) {
        Job job = Job.of(exchange);
        job.poll(streamed(job.generation(), state(job), (PredictionStream) job.partial()));
    }

    /** Sets the headers of the call that cancels an abandoned prediction. */
    public void requestCancel(Exchange exchange) {
        Job job = Job.of(exchange);
        job.cancelSent();
        exchange.getMessage().setBody("");
        leaveHeaders(job.generation(), exchange.getMessage(), cancelUrl(job.generation(), state(job)), polls(job.generation()));
    }

    /** Logs the answer to a cancel. */
    public void cancelAnswered(Exchange exchange) {
        Job job = Job.of(exchange);
        Integer answered = exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, Integer.class);
        LOG.info("{}: prediction {} abandoned; its cancel was answered {}", job.generation().id(), job.poll().getId(), answered);
    }

    /** Logs that the cancel could not be sent. */
    public void notCancelled(Exchange exchange) {
        Job job = Job.of(exchange);
        notCancelled(job.generation(), state(job), Cause.of(exchange));
    }

    private String createUrl(Generation generation) {
        return calls(generation.account()).createUrl();
    }

    /** Returns the URL of a poll, built from the configuration and the id, and never from an answer. */
    String pollUrl(Generation generation, PollState poll) {
        return calls(generation.account()).pollUrl().replace("{id}", poll.getId());
    }

    String cancelUrl(Generation generation, PollState poll) {
        return Settings.below(createUrl(generation), "/" + poll.getId() + "/cancel");
    }

    /** Whether abandoned predictions can be cancelled. */
    public boolean cancels() {
        return settings.replicateApi() == ReplicateApi.OFFICIAL;
    }

    private void notCancelled(Generation generation, PollState poll, Throwable cause) {
        LOG.warn("{}: prediction {} abandoned but not cancelled: {}", generation.id(), poll.getId(),
                settings(generation).redact(OneLine.of(Cause.words(cause))));
    }

    /** Whether to send the cancel: for the first time, or again because the service's limit has refused it. */
    public boolean cancelsNow(Exchange exchange) {
        Integer answered = exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, Integer.class);
        int sent = Job.of(exchange).cancels();
        return cancels() && (sent == 0 || sent <= mostMisses && answered != null && answered == 429);
    }

    /**
     * Returns the {@code Cancel-After} header of a create, such as {@code 210s}, or null (Replicate HTTP API reference,
     * predictions.create). It is longer if many predictions are in progress and their polls are therefore further apart.
     */
    String cancelAfter(Generation generation) {
        InflightRepository inflight = camelContext.getInflightRepository();
        int creates = inflight.size("bactrian-replicate") - inflight.size("bactrian-replicate-stream");
        return settings(generation).cancelAfter(polls(generation).pause(creates)).map(deadline -> deadline.toSeconds() + "s").orElse(null);
    }

    /** Returns the {@code Prefer} header of a create, such as {@code wait=30}, or null. */
    String prefer(Generation generation) {
        return settings(generation).preferWait().map(wait -> "wait=" + wait.toSeconds()).orElse(null);
    }

    /**
     * Returns the body of a create, UTF-8 JSON: {@code version}, {@code input} and the webhook; on the homepage API also {@code model}.
     *
     * @throws GenerationFailure {@code authentication} if no token is set for the official endpoint
     */
    byte[] body(Generation generation) {
        access(generation).requireToken();
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        if (settings.replicateApi() == ReplicateApi.HOMEPAGE) {
            body.put("model", generation.model().id());
        }
        body.put("version", generation.model().version());
        body.set("input", input(generation));
        webhook(generation).ifPresent(url -> body.put("webhook", url).putArray("webhook_events_filter").add("completed"));
        return ProviderJson.bytes(body);
    }

    private static ObjectNode input(Generation generation) {
        return JsonNodeFactory.instance.objectNode().put("prompt", prompt(generation)).setAll(generation.request().options());
    }

    /** Returns the hash of the input as it is sent. */
    String inputHash(Generation generation) {
        return InputHash.of(ProviderJson.json(new String(ProviderJson.bytes(input(generation)), StandardCharsets.UTF_8)).orElseThrow());
    }

    /** Returns the webhook of the prediction, with a mark of the request by which the prediction can be found in the service's list. */
    Optional<String> webhook(Generation generation) {
        String owner = generation.recallKey() != null ? generation.recallKey() : generation.id() + generation.startedAt() + generation.startNano();
        return settings(generation).webhookUrl()
                .map(url -> url + (url.contains("?") ? "&" : "?") + MARK + Generation.fingerprint(owner));
    }

    private static String prompt(Generation generation) {
        return generation.request().promptFor(generation.model().isImage());
    }

    /**
     * Returns the state after a create was answered. No poll is needed if the prediction has already ended.
     * @throws GenerationFailure {@code provider-unavailable} if the answer is not a prediction, or its id is not valid
     */
    PollState created(Generation generation, String body) {
        // The id is enough if the answer is truncated, because the prediction is paid for.
        String clean = clean(generation, body);
        JsonNode answer = ProviderJson.json(clean).or(() -> ProviderJson.begun(clean, "id")).orElse(MissingNode.getInstance());
        Prediction prediction = Prediction.read(answer, null)
                .orElseThrow(() -> unavailable("the answer to the create is not a prediction" + words(generation, answer)));
        if (!Poll.isValidId(prediction.id())) {
            // The cause says that this answer is not lost: the list of predictions would have the same id.
            throw new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE,
                    "the answer to the create holds an id that is not used: it is not letters, digits, _ and -", 200, 1, false,
                    new IllegalArgumentException("an invalid id"));
        }
        if (LOG.isDebugEnabled()) {
            LOG.debug("{}: prediction {} created, {}", generation.id(), prediction.id(), settings(generation).redact(prediction.rawStatus()));
        }
        if (isWhole(generation, prediction, answer)) {
            return PollState.first(prediction.succeeded(), null);
        }
        PollState first = PollState.first(prediction, prediction.status().terminal() ? null : PollTimings.begin().found(prediction.status()));
        return settings(generation).webhookUrl().isPresent() ? skipped(generation, first) : first;
    }

    /**
     * Whether the answer to a create with {@code Prefer: wait} contains the whole output although its status is {@code processing} and it
     * has no start time. Only true for files, because a list of strings may be the beginning of a text.
     */
    private boolean isWhole(Generation generation, Prediction prediction, JsonNode answer) {
        return prefer(generation) != null && prediction.status() == PredictionStatus.PROCESSING && generation.model().kind() != Kind.TEXT
                && PredictionOutput.isFiles(prediction.output()) && !answer.hasNonNull("started_at") && !answer.hasNonNull("error");
    }

    /** Returns the state of a prediction that was created before a restart. */
    PollState recalled(Generation generation, String id) {
        LOG.info("{}: resumes prediction {}", generation.id(), id);
        return PollState.first(Prediction.recalled(id), null);
    }

    /** Returns the state of a prediction whose create was not answered and that was found in the service's list. */
    PollState found(Generation generation, String id) {
        LOG.info("{}: continues with prediction {}, which its create has made", generation.id(), id);
        return PollState.first(Prediction.recalled(id), null);
    }

    /**
     * Whether the next poll is to be made. While a webhook is expected, one poll is made every
     * {@code bactrian.replicate.webhook-poll-delay}, and a last one.
     */
    boolean isDue(Generation generation, PollState poll) {
        Settings own = settings(generation);
        if (own.webhookUrl().isEmpty() || poll.polls().misses() > 0) {
            return true;
        }
        long pause = Math.max(1, own.duration(Property.REPLICATE_POLL_DELAY).toMillis());
        long every = Math.max(1, own.duration(Property.REPLICATE_WEBHOOK_POLL_DELAY).toMillis() / pause);
        int before = poll.polls().counted();
        return before % every == 0 || before + 1 >= own.count(Property.REPLICATE_POLL_MAX_ATTEMPTS);
    }

    /**
     * Returns the milliseconds until the next poll: the delay of the state, or longer if the polls of other predictions come first. Those
     * that have nearly ended by the usual time of their model do.
     */
    long pause(Generation generation, PollState poll) {
        Duration least = Duration.ofMillis(poll.getDelayMillis());
        boolean seen = poll.polls().answered() > 0 && poll.polls().refused() == 0 && poll.problem() == null;
        Duration left = seen ? usualTimes.left(generation.getModelId(), poll) : null;
        Duration pause = isDue(generation, poll) ? polls(generation).slot(least, left) : least;
        return pause.plusNanos(999_999).toMillis();
    }

    /**
     * Whether a poll that is due must wait because the service's limit is used up. If this returns false for a due poll, the poll must be
     * made.
     */
    boolean isHeldBack(Generation generation, PollState poll) {
        return isDue(generation, poll) && !polls(generation).tryGo();
    }

    /** Returns the state after a poll was held back by the service's limit. */
    PollState heldBack(Generation generation, PollState before) {
        return refused(generation, before, polls(generation).busyFor());
    }

    private PollState refused(Generation generation, PollState before, Duration wait) {
        PollState later = before.refused(wait);
        return Duration.ofMillis(later.polls().refused()).compareTo(retry.longestRefusal()) <= 0 ? later
                : later.givenUp(new GenerationFailure(ErrorType.RATE_LIMITED, "replicate has answered polls of prediction " + before.getId()
                        + " with 429 for " + retry.longestRefusal().toSeconds() + " s", 429, 1, false, null));
    }

    /**
     * Returns the state after a poll was skipped because a webhook is expected. Polling continues, because the last poll is always made.
     */
    PollState skipped(Generation generation, PollState before) {
        return before.skipped(settings(generation).duration(Property.REPLICATE_POLL_DELAY));
    }

    /** Returns the state after a webhook reported the end. */
    PollState webhookReceived(Generation generation, PollState before, String body) {
        Prediction prediction = ProviderJson.json(clean(generation, body)).flatMap(json -> Prediction.read(json, before.getId())).orElseThrow();
        LOG.debug("{}: a webhook reported prediction {}: {}", generation.id(), prediction.id(),
                settings(generation).redact(prediction.rawStatus()));
        return learned(generation, before.webhookReceived(prediction));
    }

    /** Whether the output is streamed at a URL that is allowed. */
    boolean streams(Generation generation, PollState poll) {
        String url = poll.prediction().streamUrl();
        if (url == null || !poll.isPending() || generation.model().isImage() || !settings(generation).replicateStreams()) {
            return false;
        }
        if (!streamHosts.allow(url)) {
            LOG.atLevel(refused.getAndSet(true) ? Level.DEBUG : Level.WARN).log(
                    "{}: the stream of prediction {} is not read: its URL is not an https one on a host of {}",
                    generation.id(), poll.getId(), Property.REPLICATE_STREAM_HOSTS.key());
            return false;
        }
        return true;
    }

    /** Returns the reader of the stream, an iterator over its chunks. */
    PredictionStream open(Generation generation, Cancellation cancellation,
            InputStream body) {
        Settings own = settings(generation);
        return new PredictionStream(body == null ? InputStream.nullInputStream() : body, generation.model().kind(),
                own.duration(Property.REPLICATE_POLL_DELAY).multipliedBy(own.count(Property.REPLICATE_POLL_MAX_ATTEMPTS)), cancellation,
                () -> observer.firstChunk(generation)).masked(own::masked);
    }

    /** Logs that the stream cannot be read. */
    void unstreamed(Generation generation, PollState poll, Throwable cause) {
        noStream(generation, poll, "can't be read: " + HttpFailures.of(cause, this, 1).getMessage());
    }

    /** Returns the state after the stream has ended, whatever its reason. */
    PollState streamed(Generation generation, PollState poll,
            PredictionStream streamed) {
        if (streamed == null) {
            return poll;
        }
        streamed.close();
        if (streamed.problem() != null) {
            noStream(generation, poll, streamed.problem());
        }
        return poll.after(streamed);
    }

    private void noStream(Generation generation, PollState poll, String why) {
        LOG.info("{}: the stream of prediction {} {}; it is polled instead", generation.id(), poll.getId(),
                settings(generation).redact(OneLine.of(why)));
    }

    /** Masks secrets in an answer before it is read, because it may contain the token. */
    private String clean(Generation generation, String body) {
        return body == null ? null : settings(generation).masked(body);
    }

    /** Returns the error message of an answer that is not a prediction, such as an error with status 200. */
    private String words(Generation generation, JsonNode answer) {
        return ProviderJson.message(answer).map(said -> ": " + settings(generation).redact(said)).orElse("");
    }

    /**
     * Returns the state after a poll was answered.
     *
     * @throws GenerationFailure {@code provider-unavailable} if the answer is not the prediction
     */
    PollState seen(Generation generation, PollState before, String body) {
        JsonNode answer = ProviderJson.json(clean(generation, body)).orElse(MissingNode.getInstance());
        Prediction prediction = Prediction.read(answer, before.getId()).orElseThrow(() -> unavailable("the answer to a poll of prediction "
                + before.getId() + (Prediction.isOfAnother(answer, before.getId()) ? " is another prediction" : " is not a prediction" + words(generation, answer))));
        observer.polled(generation, true);
        if (LOG.isDebugEnabled()) {
            LOG.debug("{}: poll {} of prediction {}: {}", generation.id(), before.polls().answered() + 1, prediction.id(),
                    settings(generation).redact(prediction.rawStatus()));
        }
        if (prediction.status() == PredictionStatus.UNKNOWN) {
            LOG.warn("{}: prediction {} has the unknown status '{}'; taken as still running", generation.id(), prediction.id(),
                    settings(generation).redact(OneLine.of(prediction.rawStatus())));
        }
        Settings own = settings(generation);
        boolean last = before.polls().counted() + 1 >= own.count(Property.REPLICATE_POLL_MAX_ATTEMPTS);
        return learned(generation, before.seen(prediction, last ? null : own.duration(Property.REPLICATE_POLL_DELAY)));
    }

    private PollState learned(Generation generation, PollState state) {
        if (state.isSucceeded()) {
            usualTimes.learn(generation.getModelId(), state);
        }
        return state;
    }

    /** Returns the state after a poll that was not answered. The next one follows later if that may help; otherwise there is none. */
    PollState missed(Generation generation, PollState before, Throwable cause) {
        observer.polled(generation, false);
        if (HttpFailures.isRefused(cause)) {
            Gate gate = polls(generation);
            retry.asked(HttpFailures.headers(cause), HttpFailures.body(cause)).ifPresent(gate::askedToWait);
            LOG.debug("{}: poll of prediction {} refused by the service's limit", generation.id(), before.getId());
            return refused(generation, before, gate.closedFor());
        }
        if (cause instanceof NoRoomException || Descriptors.areExhausted(cause)) {
            LOG.info("{}: poll of prediction {} made again later: {}", generation.id(), before.getId(),
                    settings(generation).redact(cause.getMessage()));
            return before.refused(settings(generation).duration(Property.REPLICATE_POLL_DELAY));
        }
        int misses = before.polls().misses() + 1;
        GenerationFailure said = HttpFailures.of(cause, this, misses);
        // Never retryable, unlike the failure of a create, because the prediction is paid for.
        GenerationFailure failure = new GenerationFailure(said.type(), said.getMessage(), said.httpStatus(), misses, false, cause);
        if (failure.httpStatus() != null && failure.httpStatus() == 404) {
            failure = new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE,
                    "replicate does not know prediction " + before.getId() + ": " + failure.getMessage(), 404, misses, false, cause);
        }
        boolean again = HttpFailures.mayPollAgain(cause) && misses <= mostMisses;
        LOG.debug("{}: poll of prediction {} failed: {}", generation.id(), before.getId(),
                settings(generation).redact(failure.getMessage()));
        Duration wait = retry.before(misses, HttpFailures.headers(cause), HttpFailures.body(cause));
        return before.missed(failure, again ? wait : null);
    }

    /** Returns the state after the request was cancelled: the prediction is abandoned. */
    PollState abandoned(Generation generation, PollState before) {
        return before.givenUp(Cancellation.failure(this, 1));
    }

    /**
     * Returns the output without the chunks that the stream has delivered.
     *
     * @throws GenerationFailure {@code empty-output} if the service has deleted the output, or an image model returned no image
     */
    PredictionOutput output(Generation generation, PollState poll,
            PredictionStream streamed) {
        Prediction prediction = poll.prediction();
        if (prediction.dataRemoved() && prediction.output() == null) {
            throw new GenerationFailure(ErrorType.EMPTY_OUTPUT,
                    "prediction " + prediction.id() + " succeeded, but the service has deleted its output since");
        }
        PredictionOutput output = PredictionOutput.read(prediction.output(), generation.model().kind(), prompt(generation));
        if (streamed == null) {
            return output;
        }
        if (!output.beginsWith(streamed.text())) {
            LOG.warn("{}: the output of prediction {} is not what its stream brought; no more chunks are emitted",
                    generation.id(), prediction.id());
        }
        return output.after(streamed.text(), streamed.count());
    }

    /** Throws the reason why there is no result: the prediction failed, was abandoned, could not be polled, or did not end in time. */
    void fail(Generation generation, PollState poll) {
        Prediction prediction = poll.prediction();
        switch (prediction.status()) {
            case FAILED -> throw new GenerationFailure(ErrorType.PREDICTION_FAILED,
                    settings(generation).redact(prediction.reason()));
            case CANCELED, ABORTED -> throw new GenerationFailure(ErrorType.PREDICTION_CANCELED,
                    "prediction " + prediction.id() + " was " + prediction.rawStatus());
            default -> throw poll.problem() != null ? poll.problem() : notEnded(prediction, poll.polls());
        }
    }

    private static GenerationFailure notEnded(Prediction prediction, PollCounts polls) {
        return new GenerationFailure(ErrorType.TIMEOUT, "prediction " + prediction.id() + " did not finish within " + polls.answered()
                + " polls (" + polls.queued() + " queued, " + (polls.answered() - polls.queued()) + " running)");
    }

    private static GenerationFailure unavailable(String message) {
        return new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, message, 200, 1, false, null);
    }
}
