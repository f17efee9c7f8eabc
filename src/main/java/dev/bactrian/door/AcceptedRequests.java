package dev.bactrian.door;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.batch.Batches;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Cancellations;
import dev.bactrian.core.Steps;
import dev.bactrian.emit.Emitter;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.flow.Trigger;
import dev.bactrian.generate.Account;
import dev.bactrian.generate.Documents;
import dev.bactrian.request.RequestId;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.support.CamelContextHelper;
import org.slf4j.Logger;

/**
 * The requests of the door that are in work, and the outcomes that are kept of them: a call with an {@code Idempotency-Key} that was made
 * before gets the outcome of the first, and {@code GET /requests/{id}} asks for one. A request that is answered before its outcome is
 * known is on the disk until the outcome is.
 */
public final class AcceptedRequests implements CamelContextAware, Processor {

    /** A request in work. Two of the same id are never equal. */
    private static final class Entry {

        final String owner;
        final Cancellation cancellation;
        final long sinceMillis = System.currentTimeMillis();
        /** Counts the lines of a batch; null if the request is none, or has not begun. */
        volatile Supplier<ObjectNode> counts;

        Entry(String owner, Cancellation cancellation) {
            this.owner = owner;
            this.cancellation = cancellation;
        }
    }

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.http");
    private static final long MOST_BYTES = 1L << 30;
    private static final String PATH = "/requests/";
    private static final int RETRY_SECONDS = 1;
    /** Distinguishes batches of the door from others with the same id. */
    private static final String BATCH = "http-";

    private final Map<String, Entry> inWork = new ConcurrentHashMap<>();
    private CamelContext camelContext;
    private Outcomes outcomes;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        Settings settings = Settings.of(context);
        outcomes = new Outcomes(Path.of(settings.require(Property.DATA_DIR), "http"), settings.duration(Property.HTTP_KEEP), MOST_BYTES);
        Steps.of(context, "bactrianAccepted", AcceptedRequests.class).step("begin", AcceptedRequests::begin).test("isDue", AcceptedRequests::isDue)
                .test("isBatch", AcceptedRequests::isBatch).step("accept", AcceptedRequests::accept).step("acceptAwaited", AcceptedRequests::acceptAwaited)
                .step("reject", AcceptedRequests::reject).step("resume", AcceptedRequests::resume).step("openBatch", AcceptedRequests::openBatch)
                .step("keep", AcceptedRequests::keep).step("keepBatch", AcceptedRequests::keepBatch).step("left", AcceptedRequests::left)
                .step("stand", AcceptedRequests::stand).step("cancel", AcceptedRequests::cancel);
    }

    /**
     * Begins the request of a call. If its {@code Idempotency-Key} is that of a call whose outcome is kept, the body becomes that outcome,
     * except for an error after which another try may succeed.
     *
     * @throws Refusal 409 if a request with that key or id is in work, 422 if the key belongs to another request
     */
    public void begin(Exchange exchange) throws IOException {
        Call call = Call.of(exchange);
        Entry entry = new Entry(call.caller().name(), call.cancellation());
        if (inWork.putIfAbsent(call.id(), entry) != null) {
            throw new Refusal(409, "invalid-request", "a request with " + (call.isKeyed() ? "this Idempotency-Key" : "the id " + call.id()) + " is in work",
                    call.isKeyed() ? RETRY_SECONDS : 0);
        }
        releaseLater(exchange, call.id(), entry);
        Optional<Outcomes.Kept> known = outcomes.outcome(call.id());
        if (known.isEmpty()) {
            return;
        }
        if (!known.get().owner().equals(call.caller().name())) {
            throw new Refusal(409, "invalid-request", "the id " + call.id() + " is taken");
        } else if (call.isKeyed()) {
            if (!known.get().fingerprint().equals(call.fingerprint())) {
                throw usedForAnother();
            } else if (mayBeTriedAgain(known.get())) {
                return;
            }
            call.markReplayed();
            exchange.getMessage().setBody(known.get().isBatch() ? lines(call.id()) : new String(known.get().content(), StandardCharsets.UTF_8));
        }
    }

    private static Refusal usedForAnother() {
        return new Refusal(422, "invalid-request", "this Idempotency-Key was used for another request");
    }

    /** Whether it is an error after which the caller was told to try again. */
    private static boolean mayBeTriedAgain(Outcomes.Kept outcome) {
        return !outcome.isBatch() && ProviderJson.json(new String(outcome.content(), StandardCharsets.UTF_8))
                .map(document -> document.path("error").path("retryable").asBoolean()).orElse(false);
    }

    private void releaseLater(Exchange exchange, String id, Entry entry) {
        exchange.getExchangeExtension().addOnCompletion(new Release(() -> inWork.remove(id, entry)));
    }

    /** Whether the request of the call is to be processed, because its outcome is not known. */
    public boolean isDue(Exchange exchange) {
        return !Call.of(exchange).isReplayed();
    }

    /**
     * Keeps the outcome in the body if callers may ask for it.
     *
     * @throws IOException if it cannot be written and the caller does not wait for it
     */
    public void keep(Exchange exchange) throws IOException {
        Call call = Call.of(exchange);
        if (!call.isKept()) {
            return;
        }
        try {
            outcomes.keep(new Outcomes.Kept(call.id(), call.caller().name(), call.fingerprint(), null, false,
                    exchange.getMessage().getBody(String.class).getBytes(StandardCharsets.UTF_8)));
            done(call);
        } catch (IOException e) {
            if (call.isAnswered()) {
                throw e;
            }
            LOG.warn("{}: its outcome cannot be kept, and is only answered: {}", call.id(), e.toString());
        }
    }

    /** Before the answer: the caller's next call may come before this exchange is done. */
    private void done(Call call) {
        inWork.computeIfPresent(call.id(), (id, entry) -> entry.cancellation == call.cancellation() ? null : entry);
    }

    /**
     * Returns the URL of a file that was uploaded for an earlier call of the same request, which may be paid for: with another URL it would
     * be another request.
     *
     * @param file the fingerprint of the file
     * @throws Refusal 422 if the {@code Idempotency-Key} belongs to a request with another file
     */
    Optional<String> upload(Call call, String file) throws IOException {
        if (!call.isRepeatable()) {
            return Optional.empty();
        }
        Optional<Outcomes.Kept> known = outcomes.upload(call.id()).filter(upload -> upload.owner().equals(call.caller().name()));
        if (call.isKeyed() && known.filter(upload -> !upload.fingerprint().equals(file)).isPresent()) {
            throw usedForAnother();
        }
        return known.filter(upload -> upload.fingerprint().equals(file)).map(upload -> new String(upload.content(), StandardCharsets.UTF_8));
    }

    /**
     * Keeps the URL of a file that was uploaded for a call.
     *
     * @param file the fingerprint of the file
     * @throws Refusal 503 if it cannot be written; nothing was paid for
     */
    void keepUpload(Call call, String file, String url) {
        if (!call.isRepeatable()) {
            return;
        }
        try {
            outcomes.keepUpload(new Outcomes.Kept(call.id(), call.caller().name(), file, null, false, url.getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            LOG.error("{}: the URL of its image cannot be put on the disk: {}", call.id(), e.toString());
            throw new Refusal(503, "provider-unavailable", "the URL of the image cannot be kept, and the request was not sent", RETRY_SECONDS);
        }
    }

    /** Whether the request of the call is a batch. */
    public boolean isBatch(Exchange exchange) {
        return Call.of(exchange).isBatch();
    }

    /**
     * Begins the batch of the call, which is on the disk, or continues it.
     *
     * @throws IOException if what is known of the batch cannot be read or written
     */
    public void openBatch(Exchange exchange) throws IOException {
        Call call = Call.of(exchange);
        new Trigger(call.id(), BATCH + call.id(), null, null, call.cancellation(), null, null).set(exchange);
        batches().openUnemitted(exchange);
        Entry entry = inWork.get(call.id());
        if (entry != null) {
            entry.counts = Batches.counts(exchange);
        }
    }

    private Batches batches() {
        return CamelContextHelper.mandatoryLookup(camelContext, Batches.BEAN, Batches.class);
    }

    /**
     * Keeps the outcomes of the completed batch, and sets the body to a stream of them.
     *
     * @throws IOException if they cannot be written
     */
    public void keepBatch(Exchange exchange) throws IOException {
        Call call = Call.of(exchange);
        outcomes.keep(new Outcomes.Kept(call.id(), call.caller().name(), call.fingerprint(), Answers.JSON_LINES, false, new byte[0]),
                exchange.getProperty(Emitter.BATCH, Path.class));
        batches().delivered(exchange);
        done(call);
        exchange.getMessage().setBody(call.isAnswered() ? null : lines(call.id()));
    }

    private InputStream lines(String id) throws IOException {
        return outcomes.lines(id).orElseThrow(() -> unknown(id));
    }

    /**
     * Puts the batch of a call on the disk, for which the call waits. Without an {@code Idempotency-Key} it is cancelled if the call ends
     * before its outcomes are known.
     *
     * @throws Refusal 503 if it cannot be written; nothing was sent
     */
    public void acceptAwaited(Exchange exchange) {
        accept(exchange, !Call.of(exchange).isKeyed());
    }

    /**
     * Puts the request of a call on the disk, before the call is answered.
     *
     * @throws Refusal 503 if it cannot be written; nothing was sent
     */
    public void accept(Exchange exchange) {
        accept(exchange, false);
    }

    private void accept(Exchange exchange, boolean awaited) {
        Call call = Call.of(exchange);
        try {
            outcomes.accept(new Outcomes.Kept(call.id(), call.caller().name(), call.fingerprint(),
                    exchange.getMessage().getHeader(Exchange.CONTENT_TYPE, String.class), awaited, exchange.getMessage().getBody(byte[].class)));
        } catch (IOException e) {
            LOG.error("{}: not accepted, because it cannot be put on the disk: {}", call.id(), e.toString());
            throw new Refusal(503, "provider-unavailable", "the request cannot be kept until it has an outcome, and was not sent", RETRY_SECONDS);
        }
    }

    /**
     * Fails a call whose request was put on the disk but is not processed, because the application stops.
     *
     * @throws Refusal 503
     */
    public void reject(Exchange exchange) throws IOException {
        outcomes.forget(Call.of(exchange).id());
        throw new Refusal(503, "provider-unavailable", "the application has stopped", RETRY_SECONDS);
    }

    /** Prepares the copy of the exchange that processes an accepted request after its call is answered. */
    @Override
    public void process(Exchange copy) {
        Call call = Call.of(copy);
        Entry entry = new Entry(call.caller().name(), call.cancellation());
        inWork.put(call.id(), entry);
        call.handOver(copy);
        releaseLater(copy, call.id(), entry);
        copy.getMessage().setHeader(Exchange.FILE_NAME, call.id());
    }

    /**
     * Sets the body to a request that was accepted before a stop or a crash; cancels it if nobody can ask for its outcome. Stops the route if
     * the request is in work or has its outcome.
     */
    public void resume(Exchange exchange) throws IOException {
        Message message = exchange.getMessage();
        Optional<Outcomes.Kept> accepted = outcomes.accepted(message.getHeader(Exchange.FILE_NAME_ONLY, String.class));
        String id = accepted.map(Outcomes.Kept::id).orElse(null);
        Cancellation cancellation = new Cancellation();
        Entry entry = accepted.map(request -> new Entry(request.owner(), cancellation)).orElse(null);
        if (entry == null || inWork.putIfAbsent(id, entry) != null) {
            exchange.setRouteStop(true);
            return;
        }
        releaseLater(exchange, id, entry);
        message.removeHeaders("*");
        message.setBody(accepted.get().content());
        message.setHeader(Exchange.CONTENT_TYPE, accepted.get().contentType());
        if (accepted.get().awaited()) {
            cancellation.request();
        }
        Call.resume(exchange, accepted.get(), cancellation);
        useAccount(camelContext, exchange, entry.owner);
        new Trigger(id, "", null, null, cancellation, null, null).set(exchange);
        LOG.info("{}: resumed", id);
    }

    /** The requests of a caller use the account that has the name of the caller's key, if there is one. */
    static void useAccount(CamelContext context, Exchange exchange, String name) {
        if (!name.isEmpty() && context.getRegistry().lookupByName(name) instanceof Account) {
            exchange.setVariable(Account.VARIABLE, name);
        }
    }

    /** Logs that an accepted request has no outcome yet; its file is still there at the next start. */
    public void left(Exchange exchange) {
        Call call = Call.of(exchange);
        LOG.warn("{}: has no kept outcome yet, and goes on at the next start", call == null ? "a request" : call.id());
    }

    /**
     * Answers where the request of the path stands, or with its outcome.
     *
     * @throws Refusal 404 if there is no such request of the caller
     */
    public void stand(Exchange exchange) throws IOException, InterruptedException {
        Call call = Call.of(exchange);
        String id = id(exchange);
        Entry entry = inWork.get(id);
        if (entry != null && call.caller().maySee(entry.owner)) {
            ObjectNode stand = JsonNodeFactory.instance.objectNode().put("id", id).put("status", "processing")
                    .put("sinceMs", System.currentTimeMillis() - entry.sinceMillis);
            if (entry.counts != null) {
                stand.set("batch", entry.counts.get());
            }
            call.answer(exchange, 200, Answers.JSON, Answers.bytes(stand));
            return;
        }
        if (outcomes.waiting(id).filter(request -> call.caller().maySee(request.owner())).isPresent()) {
            call.answer(exchange, 200, Answers.JSON, Answers.bytes(JsonNodeFactory.instance.objectNode().put("id", id).put("status", "processing")));
            return;
        }
        Outcomes.Kept kept = outcomes.outcome(id).filter(outcome -> call.caller().maySee(outcome.owner())).orElseThrow(() -> unknown(id));
        if (kept.isBatch()) {
            call.send(exchange, Answers.JSON_LINES, lines(id));
        } else {
            call.answer(exchange, 200, Answers.JSON, kept.content());
        }
    }

    /**
     * Cancels the request of the path. A caller that may see all cancels those of other ways in, too.
     *
     * @throws Refusal 404 if there is no such request of the caller
     */
    public void cancel(Exchange exchange) throws IOException {
        Call call = Call.of(exchange);
        String id = id(exchange);
        Entry entry = inWork.get(id);
        boolean known = entry != null && call.caller().maySee(entry.owner);
        boolean canceled = known && entry.cancellation.request();
        Optional<Outcomes.Kept> waiting = known ? Optional.empty() : outcomes.waiting(id).filter(request -> call.caller().maySee(request.owner()));
        if (waiting.isPresent()) {
            // It was accepted before a stop or a crash, and its turn has not come.
            outcomes.keep(canceled(waiting.get()));
            canceled = true;
        }
        if (!canceled && (known || call.caller().admin())) {
            canceled = ProviderJson.json(Cancellations.of(camelContext).cancel(id)).orElseThrow().path("canceled").asBoolean();
        }
        if (!known && !canceled && outcomes.outcome(id).filter(outcome -> call.caller().maySee(outcome.owner())).isEmpty()) {
            throw unknown(id);
        }
        String document = Documents.text(JsonNodeFactory.instance.objectNode().put("id", id).put("canceled", canceled));
        call.answer(exchange, 200, Answers.JSON, document.getBytes(StandardCharsets.UTF_8));
    }

    private static Outcomes.Kept canceled(Outcomes.Kept request) {
        GenerationFailure failure = new GenerationFailure(ErrorType.PREDICTION_CANCELED, "canceled on request", null, 0, false, null);
        return new Outcomes.Kept(request.id(), request.owner(), request.fingerprint(), null, false,
                Answers.bytes(Documents.error(request.id(), failure, Instant.now())));
    }

    private static Refusal unknown(String id) {
        return new Refusal(404, "not-found", "there is no request " + id + ", or it is no longer kept");
    }

    private static String id(Exchange exchange) {
        String path = exchange.getMessage().getHeader(Exchange.HTTP_PATH, "", String.class);
        int begin = path.lastIndexOf(PATH);
        String id = begin < 0 ? "" : path.substring(begin + PATH.length());
        if (!RequestId.isValid(id)) {
            throw new Refusal(404, "not-found", "there is no such request");
        }
        return id;
    }
}
