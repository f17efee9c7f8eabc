package dev.bactrian.flow;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.RejectedExecutionException;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Cancellations;
import dev.bactrian.core.Job;
import dev.bactrian.core.Provider;
import dev.bactrian.core.RequestsInWork;
import dev.bactrian.core.Steps;
import dev.bactrian.error.Cause;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Account;
import dev.bactrian.generate.Generation;
import dev.bactrian.generate.Headers;
import dev.bactrian.generate.Models;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.observe.Observer;
import dev.bactrian.observe.ProviderHealth;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.request.RequestId;
import dev.bactrian.request.RequestReader;
import dev.bactrian.request.RequestReader.Format;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.Descriptors;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.WrappedFile;
import org.apache.camel.support.SynchronizationAdapter;
import org.apache.camel.util.FileUtil;
import org.slf4j.Logger;

/** The steps of a request that all providers share: it is read and admitted, and its answer is read. */
public final class Requests implements CamelContextAware, Processor, RequestsInWork {

    /** The name of the bean. */
    public static final String BEAN = "bactrianRequests";

    /** The exchange variable with the name of the provider, such as {@code upstage}. */
    static final String PROVIDER = "bactrianProvider";

    /** The exchange variable by which a route's author declares that a body is plain text: {@code text}. */
    public static final String INPUT = "bactrianInput";

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.requests");

    private static final long CHECK_MILLIS = 200;
    /** The route that an application may not have loaded. */
    private static final String BATCH = "bactrian-batch";

    /** The deliveries in progress, by the id of the request. */
    private final Map<String, String> inWork = new HashMap<>();
    private CamelContext camelContext;
    private RequestReader reader;
    private Models models;
    private Settings settings;
    private Observer observer;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        Steps.of(camelContext, BEAN, Requests.class).step("read", Requests::read).step("admit", Requests::admit)
                .step("settle", Requests::settle).step("answer", Requests::answer)
                .test("isPending", Requests::isPending).test("isAbandoned", Requests::isAbandoned)
                .test("isBatch", Requests::isBatch).value("pollDelay", Requests::pollDelay);
    }

    /** Reads the settings and the catalogue, whose providers must exist once the application has started. */
    public void start() throws Exception {
        settings = Settings.of(camelContext);
        models = Models.of(camelContext);
        reader = new RequestReader(settings.bytes(Property.MAX_REQUEST_BYTES), models.catalogue().providers());
        observer = Observer.of(camelContext);
        observer.models(models.catalogue());
        for (ProviderName provider : models.catalogue().providers()) {
            ProviderHealth.register(camelContext, provider.toString());
        }
        camelContext.addStartupListener((context, already) -> requireProviders(already));
    }

    /**
     * Skipped if the application has already started, because its other route files may be loaded later. A provider that Bactrian
     * packages is in the packaged catalogue, and its route file need not be loaded.
     */
    private void requireProviders(boolean already) {
        try {
            models.catalogue().requireProviders(name -> already || provider(name.toString()) != null || isPackaged(name.toString()));
        } catch (IllegalArgumentException e) {
            throw new SettingException(Property.MODELS.key(), e.getMessage());
        }
    }

    private boolean isPackaged(String name) {
        return camelContext.getClassResolver().loadResourceAsURL("bactrian/" + name + ".camel.yaml") != null;
    }

    /**
     * Begins the {@link Job} of an exchange, reads its request and resolves the model. Does nothing if the request was already read on a
     * copy of the caller's exchange, as for a stream.
     *
     * @throws GenerationFailure {@code invalid-request} or {@code unsupported-model}; {@code authentication} if the account that the
     *                           route names does not exist or has a malformed value
     */
    public void read(Exchange exchange) throws IOException {
        Job begun = Job.of(exchange);
        if (begun != null && begun.isUnadmitted()) {
            return;
        }
        if (begun != null) {
            // A route to which another request's chunk goes makes a request of its own: the trigger was that other's.
            Trigger.remove(exchange);
        }
        Job job = Job.begin(exchange);
        Trigger trigger = Trigger.of(exchange);
        job.deliveryCount(trigger.attempt());
        job.reader(trigger.reader());
        Generation generation = generation(exchange);
        accept(exchange, job, generation);
    }

    /**
     * Sets the request and the provider of a job. The provider's name is a variable of its own because Camel 4.18 introspects the whole
     * class of a variable at each evaluation of an expression like {@code ${variable.bactrian.provider}}.
     */
    public void accept(Exchange exchange, Job job, Generation generation) {
        job.generation(generation, provider(generation.getProvider()));
        exchange.setVariable(PROVIDER, generation.getProvider());
    }

    /** Returns the provider of that name, or null. */
    public Provider provider(String name) {
        return Provider.of(camelContext, name);
    }

    /** Returns the other models to try, without those of a provider whose route file is not loaded. */
    private List<Model> fallback(GenerateRequest request, Model model, Account account) {
        return models.fallback(request, model, account).stream().filter(other -> provider(other.provider().toString()) != null).toList();
    }

    private Generation generation(Exchange exchange) throws IOException {
        Trigger trigger = Trigger.of(exchange);
        String defaultId = trigger.defaultId();
        Account account = account(exchange);
        GenerateRequest request = withId(readInTheEnd(exchange, account), exchange.getMessage());
        boolean idGiven = request.id() != null || defaultId != null;
        String id = request.id() != null ? request.id() : defaultId != null ? RequestId.fit(defaultId) : UUID.randomUUID().toString();
        try {
            Model model = models.resolve(request.model(), request.provider(), request.kind(), account);
            Provider service = provider(model.provider().toString());
            Generation generation = Generation.begin(id, request, model, idGiven && (service == null || service.isPolled()),
                    trigger.delivery()).fallingBackTo(fallback(request, model, account), idGiven, trigger.delivery());
            if (request.id() == null && defaultId != null) {
                generation = generation.formerly(RequestId.formerFit(defaultId));
            }
            return account == null ? generation : generation.with(account.key(settings), account.owner());
        } catch (GenerationFailure e) {
            throw e.of(id);
        } catch (SettingException e) {
            throw new GenerationFailure(ErrorType.AUTHENTICATION, Account.VARIABLE + ": " + e.getMessage()).of(id);
        }
    }

    /** Adds the id in the message header if the request has no id. Ignores the header if it is left over from an earlier answer. */
    private static GenerateRequest withId(GenerateRequest request, Message message) {
        String id = message.getHeader(Headers.REQUEST_ID, String.class);
        if (request.id() != null || id == null || id.isBlank() || message.getHeader(Headers.STATUS) != null) {
            return request;
        }
        if (!RequestId.isValid(id)) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, Headers.REQUEST_ID + ": " + RequestId.FAULT);
        }
        return request.withId(id);
    }

    /**
     * Reserves the request's id until its exchange is done, so that no two requests of one id are processed at once, and makes the
     * request cancellable. A redelivered queue message waits until its earlier delivery is done.
     *
     * @throws GenerationFailure          {@code invalid-request} if another request with that id is being processed
     * @throws RejectedExecutionException if the application stops while this waits
     */
    public void admit(Exchange exchange) throws InterruptedException {
        Job job = Job.of(exchange);
        if (!job.isUnadmitted()) {
            // Another model is tried.
            return;
        }
        Generation generation = job.generation();
        String id = generation.id();
        String delivery = Trigger.of(exchange).delivery();
        Integer attempt = job.deliveryCount();
        Claim claim = new Claim(job);
        // Registered before the id is reserved, so that the id is released whatever fails, even with an exhausted heap.
        exchange.getExchangeExtension().addOnCompletion(claim);
        synchronized (inWork) {
            while (inWork.containsKey(id)) {
                if (attempt == null || !inWork.get(id).equals(delivery)) {
                    // The error document must carry the default id, not that of the other request.
                    job.generation(null, null);
                    throw new GenerationFailure(ErrorType.INVALID_REQUEST, "id: a request with the id " + id + " is in work");
                } else if (camelContext.isStopping()) {
                    throw new RejectedExecutionException("stopped while " + id + " is in work");
                }
                inWork.wait(CHECK_MILLIS);
            }
            inWork.put(id, delivery);
            claim.held = true;
        }
        observer.begun(exchange, generation);
        claim.observed = true;
        job.admit();
        LOG.info("{}: admitted, for {} at {}", id, generation.getModelId(), generation.getProvider());
        // The caller's redelivery count is not that of our calls.
        exchange.getMessage().removeHeaders("CamelRedeliver*");
        Cancellations.of(camelContext).follow(exchange, id, attempt);
        claim.of(Trigger.of(exchange).batch(), job.cancellation());
    }

    /** Gives a copy of an exchange that continues independently a job of its own. */
    @Override
    public void process(Exchange copy) {
        copy.setVariable(Job.VARIABLE, Job.of(copy).fork());
    }

    /** Whether the provider must be polled again. */
    public boolean isPending(Exchange exchange) {
        return Job.of(exchange).isPending();
    }

    /** Whether the provider's work is abandoned, because the request was cancelled or the polls are used up. */
    public boolean isAbandoned(Exchange exchange) {
        return Job.of(exchange).isAbandoned();
    }

    /** Returns the milliseconds until the next poll. */
    public long pollDelay(Exchange exchange) {
        Job job = Job.of(exchange);
        return job.provider().pollDelay(job);
    }

    /**
     * Marks the outcome as known after the last poll: {@code direct:cancel} has no effect any more. A chat does so at the end of its
     * stream.
     */
    public void settle(Exchange exchange) {
        Job.of(exchange).settle();
    }

    /**
     * Reads the answer of a request that was polled.
     *
     * @throws GenerationFailure if there is no answer
     */
    public void answer(Exchange exchange) {
        Job job = Job.of(exchange);
        if (job.answer() == null) {
            job.provider().read(job);
        }
    }

    @Override
    public void awaitEnd(Duration atMost) {
        long end = System.nanoTime() + atMost.toNanos();
        synchronized (inWork) {
            try {
                for (long left = atMost.toMillis(); left > 0 && !inWork.isEmpty(); left = (end - System.nanoTime()) / 1_000_000) {
                    inWork.wait(left);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Releases a request's id when its exchange is done. */
    private final class Claim extends SynchronizationAdapter {

        private final Job job;
        private final String id;
        private boolean held;
        private boolean observed;
        private Cancellation batch;
        private Cancellation own;

        Claim(Job job) {
            this.job = job;
            this.id = job.generation().id();
        }

        /** Cancels the request with its batch. */
        void of(Cancellation whole, Cancellation part) {
            batch = whole;
            own = part;
            if (batch != null) {
                batch.include(own);
            }
        }

        @Override
        public void onDone(Exchange done) {
            if (batch != null) {
                batch.exclude(own);
            }
            synchronized (inWork) {
                if (held) {
                    inWork.remove(id);
                    inWork.notifyAll();
                }
            }
            if (observed) {
                observer.left(job.generation());
            }
        }
    }

    /** Returns the account that the caller's route has named, or null. */
    private Account account(Exchange exchange) {
        Object named = exchange.getVariable(Account.VARIABLE);
        if (named == null) {
            return null;
        }
        // A lookup by name and type would throw if the bean is not an account.
        if ((named instanceof Account ? named : camelContext.getRegistry().lookupByName(named.toString())) instanceof Account account) {
            try {
                account.requireModelToPin();
                return account;
            } catch (SettingException e) {
                throw new GenerationFailure(ErrorType.AUTHENTICATION, Account.VARIABLE + ": " + e.getMessage());
            }
        }
        throw new GenerationFailure(ErrorType.AUTHENTICATION, Account.VARIABLE + ": no bean '" + named + "' is an account");
    }

    /**
     * Reads the request. Waits while the process has run out of file descriptors; any other error makes the request invalid, because a
     * caller's stream may fail at any byte.
     */
    private GenerateRequest readInTheEnd(Exchange exchange, Account account) throws IOException {
        for (boolean said = false;; said = true) {
            try {
                return read(exchange, account);
            } catch (GenerationFailure | RejectedExecutionException e) {
                throw e;
            } catch (IOException | RuntimeException | StackOverflowError e) {
                if (!Descriptors.areExhausted(e)) {
                    throw Unreadable.because(e);
                } else if (camelContext.isStopping()) {
                    throw e;
                }
                if (!said) {
                    LOG.warn("A request waits to be read: {}", Cause.words(Cause.of(e)));
                }
                pause();
            }
        }
    }

    private void pause() {
        synchronized (inWork) {
            try {
                inWork.wait(CHECK_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new RejectedExecutionException("interrupted before the request was read", e);
            }
        }
    }

    private GenerateRequest read(Exchange exchange, Account account) throws IOException {
        Message message = exchange.getMessage();
        Object body = message.getBody();
        boolean text = isTextAlone(exchange, account);
        if (text && (body instanceof Map<?, ?> || body instanceof JsonNode || body instanceof GenerateRequest)) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, "not a text but " + (body instanceof GenerateRequest ? "a request" : "a map"));
        }
        GenerateRequest request = withFallback(read(exchange, body, text ? Format.TEXT : format(message)), message);
        if (account != null && account.choosesModel()) {
            return account.complete(request);
        }
        GenerateRequest named = withHeaders(request, message);
        return account == null ? named : account.complete(named);
    }

    /** Whether the message is a batch: lines of JSON, each of which is a request. */
    public boolean isBatch(Exchange exchange) {
        try {
            Message message = exchange.getMessage();
            Object body = message.getBody();
            return !(body instanceof Map<?, ?> || body instanceof JsonNode || body instanceof GenerateRequest) && format(message) == Format.JSON_LINES && camelContext.getRoute(BATCH) != null && !isTextAlone(exchange, account(exchange));
        } catch (GenerationFailure e) {
            // The error document of the request says what is wrong.
            return false;
        }
    }

    /** Whether the body is plain text, as declared by either the route or its account. */
    private static boolean isTextAlone(Exchange exchange, Account account) {
        String declared = Trigger.of(exchange).input();
        String input = exchange.getVariable(INPUT, declared, String.class);
        try {
            return input != null && Account.isText(INPUT, input) || declared == null && account != null && account.isTextAlone();
        } catch (SettingException e) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, e.getMessage());
        }
    }

    private GenerateRequest withHeaders(GenerateRequest request, Message message) {
        if (request.model() != null || request.provider() != null) {
            return request;
        }
        String model = message.getHeader(Headers.MODEL, String.class);
        ProviderName provider;
        try {
            provider = reader.provider(message.getHeader(Headers.PROVIDER, String.class));
        } catch (GenerationFailure e) {
            throw e.of(request.id());
        }
        return new GenerateRequest(request.id(), model, provider, request.kind(), request.messages(), request.prompt(), request.options(),
                request.fallback(), request.fallbackAfterPaid());
    }

    private static GenerateRequest withFallback(GenerateRequest request, Message message) {
        String named = message.getHeader(Headers.FALLBACK, String.class);
        String afterPaid = message.getHeader(Headers.FALLBACK_AFTER_PAID, String.class);
        if (named == null && afterPaid == null) {
            return request;
        }
        try {
            return RequestReader.withFallback(request, named, afterPaid);
        } catch (GenerationFailure e) {
            throw e.of(request.id());
        }
    }

    private GenerateRequest read(Exchange exchange, Object body, Format format) throws IOException {
        if (body instanceof GenerateRequest request) {
            return reader.read(request);
        } else if (body instanceof String text) {
            return reader.read(text, format);
        } else if (body instanceof byte[] bytes) {
            return reader.read(bytes, format);
        } else if (body instanceof Map<?, ?> map) {
            return reader.read(map);
        } else if (body instanceof JsonNode json) {
            return reader.read(json);
        } else if (body instanceof Unreadable unreadable) {
            throw unreadable.failure();
        }
        InputStream stream = body == null ? InputStream.nullInputStream()
                : camelContext.getTypeConverter().tryConvertTo(InputStream.class, exchange, body);
        if (stream == null) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, "not a request: " + body.getClass().getName());
        }
        return reader.read(stream, format);
    }

    /** Returns the format of the body by its file name, else by its content type. */
    static Format format(Message message) {
        if (message.getBody() instanceof WrappedFile<?>) {
            return Format.ofFileName(FileUtil.stripPath(message.getHeader(Exchange.FILE_NAME, "", String.class)));
        }
        String contentType = message.getHeader(Exchange.CONTENT_TYPE, String.class);
        return contentType == null ? Format.UNKNOWN : Format.ofContentType(contentType);
    }
}
