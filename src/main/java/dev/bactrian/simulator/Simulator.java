package dev.bactrian.simulator;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

/**
 * Simulates Replicate and Upstage on loopback: a real HTTP server that speaks the wire formats of both, injects faults on demand
 * and records requests. Thread-safe.
 *
 * <p>Without a script it behaves normally: predictions end at the third poll or with their stream, text streams word by word, every
 * token is accepted. A request with a wrong token is rejected before scripts apply. {@link #on} and {@link #always} set scripts.
 *
 * <p>The JDK's server reads its settings once per process, from the system properties {@code sun.net.httpserver.*}. This class sets
 * those it needs before it starts a server; if the process has used the JDK's server before, they have no effect.
 */
public final class Simulator implements AutoCloseable {

    static {
        preset("sun.net.httpserver.nodelay", "true");
        preset("sun.net.httpserver.maxIdleConnections", "20000");
        preset("sun.net.httpserver.idleInterval", "300");
    }

    private static final int BACKLOG = 2048;
    private static final int HANDLERS = 64;
    private static final int TIMERS = Math.max(4, Runtime.getRuntime().availableProcessors());
    private static final Duration DEPARTURE_CHECK = Duration.ofMillis(100);

    private final HttpServer server;
    private final String url;
    private final Duration delay;
    private final String token;
    private final boolean recording;
    private final Hooks hooks;
    private final ReplicateApi replicate;
    private final UpstageApi upstage;
    private final Departures departures;
    private final ExecutorService handlers;
    private final ExecutorService writers;
    private final ScheduledThreadPoolExecutor timer;
    private final Map<Call, Queue<Reply>> scripts = new EnumMap<>(Call.class);
    private final Map<Call, Reply> standing = new ConcurrentHashMap<>();
    private final Map<Call, Gauge> gauges = new EnumMap<>(Call.class);
    private final Queue<RecordedRequest> records = new ConcurrentLinkedQueue<>();
    private final AtomicInteger clientAborts = new AtomicInteger();
    private final List<Limit> limits = new CopyOnWriteArrayList<>();
    private volatile boolean closed;

    private Simulator(Builder builder) {
        for (Call call : Call.values()) {
            scripts.put(call, new ConcurrentLinkedQueue<>());
            gauges.put(call, new Gauge());
        }
        delay = builder.delay;
        token = builder.token;
        recording = builder.recording;
        try {
            server = HttpServer.create(
                    new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), builder.port), BACKLOG);
        } catch (IOException e) {
            throw new UncheckedIOException("The simulator cannot listen on port " + builder.port, e);
        }
        url = "http://127.0.0.1:" + port();
        hooks = new Hooks(builder.webhookSecret, builder.webhookDelay, builder.webhookCopies);
        replicate = new ReplicateApi(url, builder.polls, builder.unofficial, this::tellLater, builder.pause, builder.streams,
                builder.inputsListed);
        upstage = new UpstageApi(builder.pause, builder.pieces);
        departures = new Departures(port());
        ThreadPoolExecutor pool = new ThreadPoolExecutor(
                HANDLERS, HANDLERS, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), threads("handler"));
        pool.allowCoreThreadTimeOut(true);
        handlers = pool;
        writers = Executors.newCachedThreadPool(threads("writer"));
        timer = new ScheduledThreadPoolExecutor(TIMERS, threads("timer"));
        timer.scheduleWithFixedDelay(departures::check, DEPARTURE_CHECK.toMillis(), DEPARTURE_CHECK.toMillis(),
                TimeUnit.MILLISECONDS);
        server.setExecutor(handlers);
        server.createContext("/", this::handle);
        server.start();
    }

    /** Returns a builder with the defaults: free port, three polls, 40 ms between pieces, any token, recording. */
    public static Builder builder() {
        return new Builder();
    }

    /** Starts a simulator with the defaults of {@link #builder()}. */
    public static Simulator start() {
        return builder().start();
    }

    /** Returns the port. */
    public int port() {
        return server.getAddress().getPort();
    }

    /** Returns {@code http://127.0.0.1:PORT}, without a slash at its end. */
    public String url() {
        return url;
    }

    /** Returns the URL that creates predictions: {@code …/v1/predictions}. */
    public String predictionsUrl() {
        return url + "/v1/predictions";
    }

    /** Returns the URL that polls a prediction, with the placeholder {@code {id}}: {@code …/v1/predictions/{id}}. */
    public String pollUrl() {
        return url + "/v1/predictions/{id}";
    }

    /** Returns the keyless URL that creates predictions: {@code …/api/prediction}. */
    public String homepageCreateUrl() {
        return url + "/api/prediction";
    }

    /** Returns the keyless URL that polls a prediction, with the placeholder {@code {id}}: {@code …/api/poll?id={id}}. */
    public String homepagePollUrl() {
        return url + "/api/poll?id={id}";
    }

    /** Returns the URL of Upstage's chat: {@code …/v1/chat/completions}. */
    public String chatUrl() {
        return url + "/v1/chat/completions";
    }

    /** Returns the keyless URL of the chat of Upstage's playground: {@code …/v1/web/demo/chat/completions}. */
    public String playgroundChatUrl() {
        return url + "/v1/web/demo/chat/completions";
    }

    /** Answers the next calls of that kind with these replies, each used once, in order, after those already queued. */
    public Simulator on(Call call, Reply... replies) {
        scripts.get(call).addAll(List.of(replies));
        return this;
    }

    /** Answers every call of that kind with this reply, unless {@link #on} has one queued, until {@link #reset()}. */
    public Simulator always(Call call, Reply reply) {
        standing.put(call, reply);
        return this;
    }

    /**
     * Adds a rate limit: more than that many calls of these kinds with one token (and of one model, for chats) are answered 429,
     * until the time that began with the first call is over. Answers state the remaining calls, and a 429 states the wait, in the
     * form of the service. Limits apply before scripts.
     */
    public Simulator limit(int calls, Duration time, Call... kinds) {
        limits.add(new Limit(calls, time, false, false, Set.of(kinds)));
        return this;
    }

    /**
     * Adds a limit of the tokens that chats with one key and model may take: those of the prompt and of the answer, which are counted when
     * the chat arrives. A chat that takes more than are left is answered 429. Answers state the remaining tokens.
     */
    public Simulator tokenLimit(long tokens, Duration time) {
        limits.add(new Limit(tokens, time, false, true, Set.of(Call.CHAT)));
        return this;
    }

    /** Adds the limit of a Replicate account with little credit: 6 creates per minute, one at a time. */
    public Simulator littleCredit() {
        return limit(1, Duration.ofSeconds(10), Call.CREATE);
    }

    /** Adds a rate limit that answers do not mention. */
    public Simulator silentLimit(int calls, Duration time, Call... kinds) {
        limits.add(new Limit(calls, time, true, false, Set.of(kinds)));
        return this;
    }

    /**
     * Adds the limits that the services document: 600 creates, 3,000 polls, cancels and lists, and, per model, 100 chats with 250,000 tokens
     * per minute.
     */
    public Simulator documentedLimits() {
        Duration minute = Duration.ofMinutes(1);
        return limit(600, minute, Call.CREATE).limit(3000, minute, Call.POLL, Call.CANCEL, Call.LIST)
                .limit(100, minute, Call.CHAT).tokenLimit(250_000, minute);
    }

    /** Returns how many calls of that kind were rejected by a limit. */
    public int refused(Call call) {
        return gauges.get(call).refused.intValue();
    }

    /** Clears scripts, limits, records and counts. Predictions stay, and responses in progress continue. */
    public Simulator reset() {
        scripts.values().forEach(Queue::clear);
        standing.clear();
        limits.clear();
        records.clear();
        gauges.values().forEach(Gauge::reset);
        clientAborts.set(0);
        hooks.reset();
        replicate.reset();
        return this;
    }

    /** Returns all requests so far in order of arrival, including those to unknown URLs. Empty if recording is off. */
    public List<RecordedRequest> requests() {
        return List.copyOf(records);
    }

    /** Returns the requests of that kind in order of arrival. */
    public List<RecordedRequest> requests(Call call) {
        return records.stream().filter(request -> request.call() == call).toList();
    }

    /** Returns how many requests of that kind have arrived, recorded or not. */
    public int count(Call call) {
        return gauges.get(call).count.intValue();
    }

    /**
     * Returns how many predictions were created so far, which is what the account would pay for. A create is accepted when it has arrived,
     * even if its answer comes late or never; one that is answered with an error is not, without {@link Reply#accepting()}.
     */
    public int predictions() {
        return replicate.accepted();
    }

    /**
     * Returns how many requests of that kind are in progress: from when the request has been read to the end of the response, or
     * until the connection breaks. A client that has seen the end of its response is no longer counted.
     */
    public int concurrent(Call call) {
        return gauges.get(call).open.get();
    }

    /** Returns the highest {@link #concurrent} so far. */
    public int maxConcurrent(Call call) {
        return gauges.get(call).most.get();
    }

    /**
     * Returns how many clients left before their response was complete. On Linux this is noticed within about 100 ms even while the
     * response is silent; elsewhere only at the next write.
     */
    public int clientAborts() {
        return clientAborts.get();
    }

    /** Returns the statuses of the answers to webhooks so far, in order; 0 for a webhook without an answer. */
    public List<Integer> webhookAnswers() {
        return hooks.answers();
    }

    private void tellLater(JsonNode create, SimulatedPrediction prediction) {
        if (hooks.wanted(create)) {
            later(hooks.delay(), () -> {
                byte[] body = Json.bytes(prediction.poll(0).json(url));
                aside(() -> hooks.send(create.get("webhook").asText(), "msg_" + prediction.id(), body));
            });
        }
    }

    /** Stops listening and breaks open connections. */
    @Override
    public void close() {
        closed = true;
        timer.shutdownNow();
        server.stop(0);
        writers.shutdownNow();
        handlers.shutdownNow();
    }

    private void handle(HttpExchange exchange) throws IOException {
        byte[] body = exchange.getRequestBody().readAllBytes();
        String length = exchange.getRequestHeaders().getFirst("Content-Length");
        if (length != null && body.length < Long.parseLong(length)) {
            throw new IOException("the client left before its request was complete");
        }
        URI uri = exchange.getRequestURI();
        Target target = Target.of(exchange.getRequestMethod(), uri.getRawPath(), uri.getRawQuery());
        Call call = target.call();
        if (call != null) {
            gauges.get(call).enter();
        }
        Map<String, List<String>> headers = exchange.getRequestHeaders();
        RecordedRequest request = new RecordedRequest(call, exchange.getRequestMethod(), uri.toString(),
                recording ? copy(headers) : headers, body, Instant.now());
        if (recording) {
            records.add(request);
        }
        boolean allowed = token == null || hasToken(target.dialect(), request);
        Map<String, String> left = new TreeMap<>();
        PreparedResponse refusal = call == null || !allowed || limits.isEmpty() ? null : refusal(call, request, left);
        if (refusal != null) {
            gauges.get(call).refused.increment();
            new ResponseSender(this, exchange, call, Reply.normally(), () -> refusal).start(delay);
            return;
        }
        Reply scripted = call == null || !allowed ? Reply.normally() : next(call);
        Duration wait = scripted.kind == Reply.Kind.NORMAL ? scripted.after.plus(delay) : scripted.after;
        Supplier<PreparedResponse> source = () -> {
            PreparedResponse answer = allowed ? answer(target, request, scripted) : unauthenticated(target.dialect());
            return answer.with(left);
        };
        if (call == Call.CREATE) {
            // Accepted when it has arrived, even if the client does not wait for the answer.
            PreparedResponse answer = source.get();
            source = () -> answer;
        }
        new ResponseSender(this, exchange, call, scripted, source).start(wait);
    }

    /** Returns the answer of a limit that the call exceeds, or null; then adds the headers of the limits. */
    private PreparedResponse refusal(Call call, RecordedRequest request, Map<String, String> headers) {
        String key = limitKey(request);
        boolean chat = call == Call.CHAT;
        Limit before = null;
        for (boolean ofTokens : new boolean[] {false, true}) {
            Limit limit = limits.stream().filter(one -> one.isOf(call) && one.isOfTokens() == ofTokens).findFirst().orElse(null);
            if (limit != null) {
                Limit.State state = limit.take(key, ofTokens ? upstage.tokens(request) : 1);
                if (state.refused()) {
                    if (before != null) {
                        before.giveBack(key, 1);
                    }
                    return limit.refusal(state, chat);
                }
                headers.putAll(limit.headers(state, chat));
                before = limit;
            }
        }
        return null;
    }

    /** Returns the key that a call counts for: its token and, for a chat, its model. */
    private static String limitKey(RecordedRequest request) {
        String model = "";
        if (request.call() == Call.CHAT) {
            try {
                model = Json.parse(request.body()).path("model").asText();
            } catch (JsonProcessingException e) {
                // rejected later
            }
        }
        return request.header("Authorization") + " " + model;
    }

    private Reply next(Call call) {
        Reply reply = scripts.get(call).poll();
        return reply != null ? reply : standing.getOrDefault(call, Reply.normally());
    }

    private PreparedResponse answer(Target target, RecordedRequest request, Reply reply) {
        try {
            return switch (reply.kind) {
                case BODY -> {
                    if (reply.accepts) {
                        normal(target, request, reply);
                    }
                    if (target.call() == Call.CREATE && reply.status < 300) {
                        replicate.adopt(target, request, reply.body);
                    }
                    yield new PreparedResponse(reply.status,
                            reply.contentType == null ? Map.of() : Map.of("Content-Type", reply.contentType),
                            List.of(Frame.of(reply.body)), false);
                }
                case STREAM -> target.call() == Call.STREAM ? replicate.stream(target.name(), reply) : upstage.scripted(request, reply);
                case RAW_STREAM -> PreparedResponse.stream(List.of(Frame.of(reply.body)));
                case PREDICTION -> replicate.scripted(target, request, reply);
                case LOST -> reply.accepts ? normal(target, request, reply) : PreparedResponse.notFound();
                case NORMAL -> normal(target, request, reply);
            };
        } catch (RuntimeException e) {
            return PreparedResponse.problem(500, "The simulator failed", e.toString());
        }
    }

    private PreparedResponse normal(Target target, RecordedRequest request, Reply reply) {
        return switch (target.dialect()) {
            case REPLICATE, HOMEPAGE -> replicate.answer(target, request);
            case UPSTAGE, PLAYGROUND -> target.call() == Call.MODELS ? upstage.models() : upstage.answer(request);
            case STREAMS -> replicate.stream(target.name(), reply);
            case FILES -> replicate.file(target.name());
            case NONE -> PreparedResponse.notFound();
        };
    }

    private boolean hasToken(Target.Dialect dialect, RecordedRequest request) {
        String sent = request.header("Authorization");
        return switch (dialect) {
            case REPLICATE -> ("Bearer " + token).equals(sent) || ("Token " + token).equals(sent);
            case UPSTAGE -> ("Bearer " + token).equals(sent);
            case HOMEPAGE, PLAYGROUND, STREAMS, FILES, NONE -> true;
        };
    }

    private static PreparedResponse unauthenticated(Target.Dialect dialect) {
        return dialect == Target.Dialect.UPSTAGE
                ? UpstageApi.error(401, "the key is missing or not valid", "invalid_request_error", "invalid_api_key")
                : PreparedResponse.problem(401, "Unauthenticated", "token missing or not valid");
    }

    Departures departures() {
        return departures;
    }

    void later(Duration wait, Runnable task) {
        try {
            timer.schedule(task, wait.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            // The simulator was closed meanwhile, and the connection with it.
        }
    }

    /** Runs a task that may block on a slow client. */
    void aside(Runnable task) {
        try {
            writers.execute(task);
        } catch (RejectedExecutionException e) {
            // closed meanwhile
        }
    }

    void left(Call call) {
        if (call != null) {
            gauges.get(call).open.decrementAndGet();
        }
    }

    void clientAborted() {
        if (!closed) {
            clientAborts.incrementAndGet();
        }
    }

    private static Map<String, List<String>> copy(Map<String, List<String>> headers) {
        Map<String, List<String>> copy = new TreeMap<>();
        headers.forEach((name, values) -> copy.put(name, List.copyOf(values)));
        return Collections.unmodifiableMap(copy);
    }

    private static void preset(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    private static ThreadFactory threads(String role) {
        AtomicInteger number = new AtomicInteger();
        return task -> {
            Thread thread = new Thread(task, "simulator-" + role + "-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }

    /**
     * Runs a simulator until the process is killed: {@code [port] [--polls=N] [--pause=MS] [--pieces=N] [--limits]}. Prints
     * {@code Simulator listening on http://127.0.0.1:PORT} once it listens, and records nothing.
     */
    public static void main(String[] args) throws InterruptedException {
        Builder builder = builder().recording(false);
        boolean limits = false;
        try {
            for (String arg : args) {
                if (arg.startsWith("--polls=") || arg.startsWith("--looks=")) {
                    builder.polls(number(arg));
                } else if (arg.startsWith("--pause=")) {
                    builder.pause(Duration.ofMillis(number(arg)));
                } else if (arg.startsWith("--pieces=")) {
                    builder.pieces(number(arg));
                } else if (arg.equals("--limits")) {
                    limits = true;
                } else {
                    builder.port(Integer.parseInt(arg));
                }
            }
        } catch (IllegalArgumentException e) {
            System.err.println("usage: Simulator [port] [--polls=N] [--pause=MS] [--pieces=N] [--limits]");
            System.exit(2);
        }
        try {
            Simulator simulator = builder.start();
            if (limits) {
                simulator.documentedLimits();
            }
            System.out.println("Simulator listening on " + simulator.url());
        } catch (UncheckedIOException e) {
            System.err.println(e.getMessage() + ": " + e.getCause().getMessage());
            System.exit(1);
        }
        new CountDownLatch(1).await();
    }

    private static int number(String arg) {
        return Integer.parseInt(arg.substring(arg.indexOf('=') + 1));
    }

    /** The counts for one kind of call. */
    private static final class Gauge {
        private final LongAdder count = new LongAdder();
        private final LongAdder refused = new LongAdder();
        private final AtomicInteger open = new AtomicInteger();
        private final AtomicInteger most = new AtomicInteger();

        void enter() {
            count.increment();
            most.accumulateAndGet(open.incrementAndGet(), Math::max);
        }

        void reset() {
            count.reset();
            refused.reset();
            most.set(open.get());
        }
    }

    /** The settings of a simulator; the defaults are those of {@link Simulator#builder()}. */
    public static final class Builder {

        private int port;
        private int polls = 3;
        private Duration pause = Duration.ofMillis(40);
        private Duration delay = Duration.ZERO;
        private int pieces;
        private String token;
        private boolean recording = true;
        private Set<String> unofficial = Set.of();
        private String webhookSecret;
        private Duration webhookDelay = Duration.ofMillis(100);
        private int webhookCopies = 1;
        private boolean streams = true;
        private boolean inputsListed = true;

        private Builder() {
        }

        /** Sets the port; 0 (the default): a free one. */
        public Builder port(int port) {
            if (port < 0 || port > 65535) {
                throw new IllegalArgumentException("Not a port: " + port);
            }
            this.port = port;
            return this;
        }

        /** Sets the number of the poll that finds a prediction ended; 0: the create already does. Default 3. */
        public Builder polls(int polls) {
            this.polls = notNegative(polls);
            return this;
        }

        /**
         * Sets the number of the poll that finds a prediction ended.
         *
         * @deprecated use {@link #polls}
         */
        @Deprecated(since = "0.1.0")
        public Builder looks(int polls) {
            return polls(polls);
        }

        /** Sets the wait between two pieces of a stream; zero: as fast as possible. Default 40 ms. */
        public Builder pause(Duration pause) {
            this.pause = pause;
            return this;
        }

        /** Sets the wait before every unscripted answer, in addition to a {@link Reply#after}. Default none. */
        public Builder delay(Duration delay) {
            this.delay = delay;
            return this;
        }

        /** Sets the number of numbered pieces of every unscripted chat answer; 0 (the default): a few sentences about the prompt. */
        public Builder pieces(int pieces) {
            this.pieces = notNegative(pieces);
            return this;
        }

        /** Answers 401 to calls of the two official APIs without this bearer token. Default: any token, or none. */
        public Builder requireToken(String token) {
            this.token = token;
            return this;
        }

        /** Sets whether requests are kept for {@link Simulator#requests()}; off for benchmarks. Default on. */
        public Builder recording(boolean recording) {
            this.recording = recording;
            return this;
        }

        /** Sets the models ({@code owner/name}) that are not official: without a pinned version they answer 404 or 422. */
        public Builder unofficial(String... models) {
            this.unofficial = Set.of(models);
            return this;
        }

        /** Sets whether predictions of text models offer their output as an event stream. Default on. */
        public Builder streams(boolean streams) {
            this.streams = streams;
            return this;
        }

        /** Sets whether the list of predictions shows their inputs and outputs. Default on. */
        public Builder inputsListed(boolean listed) {
            inputsListed = listed;
            return this;
        }

        /**
         * Sends webhooks, signed with this secret ({@code whsec_…}): a prediction whose create names a {@code webhook} ends by
         * itself, and the simulator then calls that URL. Default: no webhooks; a prediction only advances with polls.
         */
        public Builder webhooks(String secret) {
            this.webhookSecret = secret;
            return this;
        }

        /** Sets the time from a create with a webhook to the end of its prediction. Default 100 ms. */
        public Builder webhookDelay(Duration delay) {
            this.webhookDelay = delay;
            return this;
        }

        /** Sets how often each webhook is sent, with the same id. Default once. */
        public Builder webhookCopies(int copies) {
            this.webhookCopies = notNegative(copies);
            return this;
        }

        /**
         * Starts the simulator.
         *
         * @throws UncheckedIOException if the port is in use
         */
        public Simulator start() {
            return new Simulator(this);
        }

        private static int notNegative(int number) {
            if (number < 0) {
                throw new IllegalArgumentException("Negative: " + number);
            }
            return number;
        }
    }
}
