package dev.bactrian.http;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;

import dev.bactrian.Version;
import dev.bactrian.config.Masked;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Url;
import dev.bactrian.core.Cancellations;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.generate.Capacity;
import dev.bactrian.limit.Circuits;
import dev.bactrian.limit.Gates;
import dev.bactrian.limit.Keys;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.ScheduledPool;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.support.CamelContextHelper;
import org.apache.hc.client5.http.auth.AuthScope;
import org.apache.hc.client5.http.auth.UsernamePasswordCredentials;
import org.apache.hc.client5.http.classic.ExecChain;
import org.apache.hc.client5.http.classic.ExecChainHandler;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.ChainElement;
import org.apache.hc.client5.http.impl.DefaultClientConnectionReuseStrategy;
import org.apache.hc.client5.http.impl.auth.BasicCredentialsProvider;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.CloseableHttpResponse;
import org.apache.hc.client5.http.impl.classic.HttpClientBuilder;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManager;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.client5.http.io.ManagedHttpClientConnection;
import org.apache.hc.core5.concurrent.Cancellable;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpHeaders;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.HttpStatus;
import org.apache.hc.core5.http.Method;
import org.apache.hc.core5.http.io.HttpClientConnection;
import org.apache.hc.core5.http.io.HttpConnectionFactory;
import org.apache.hc.core5.http.io.entity.ByteArrayEntity;
import org.apache.hc.core5.http.io.entity.HttpEntityWrapper;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.io.CloseMode;
import org.apache.hc.core5.net.URIAuthority;
import org.apache.hc.core5.util.TimeValue;
import org.apache.hc.core5.util.Timeout;
import org.slf4j.Logger;

/**
 * The HTTP client of one provider. The {@code httpClient} parameter of the route's endpoint names it, so that the settings of the
 * application's {@code http} component do not apply: no retries, no redirects, no cookies, its own connection pool of
 * {@code bactrian.max-in-flight} connections, and the provider's token.
 *
 * <p>This client adds the token, which is no message header, so that no trace, log or dump of an exchange can show it. It sends the
 * token only to the scheme, host and port of the configured endpoints.
 */
public final class ProviderHttp extends CloseableHttpClient implements CamelContextAware {

    /** Request header, never sent: the key of the account whose token authenticates the call; absent for the application's own token. */
    public static final String ACCOUNT = "Bactrian-Account";
    /** Request header, never sent: the name of the token that authenticates the call, if there are several. */
    public static final String TOKEN = "Bactrian-Token";
    /** Request header, never sent: the id of the request that the call belongs to. Cancelling that request cuts the call. */
    public static final String REQUEST = "Bactrian-Request";

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.http");
    private static final String WAIT = "wait=";
    private static final TimeValue LONGEST_IDLE = TimeValue.ofSeconds(30);
    private static final TimeValue LONGEST_LIFE = TimeValue.ofMinutes(10);

    private String provider;
    private boolean anonymous;
    private CamelContext camelContext;
    private Gates gates;
    private PoolingHttpClientConnectionManager connections;
    private CloseableHttpClient client;
    private ScheduledExecutorService clock;
    private Credentials credentials;
    private Clients clients;

    /** Sets the name of the provider, such as {@code replicate}. */
    public void setProvider(String name) {
        provider = name;
    }

    private Provider provider() {
        return Objects.requireNonNull(Provider.of(camelContext, provider), provider);
    }

    /** Sets whether calls are made without the token, wherever they go. */
    public void setAnonymous(boolean anonymous) {
        this.anonymous = anonymous;
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        clients = Clients.of(camelContext);
        gates = Gates.of(camelContext);
    }

    /** Logs a warning at startup if the token would be sent over an unencrypted connection. */
    public void start() {
        credentials();
    }

    private synchronized Credentials credentials() {
        if (credentials == null) {
            credentials = anonymous ? new Credentials(null, null, List.of()) : Credentials.of(Settings.of(camelContext), provider(), null, null);
        }
        return credentials;
    }

    @Override
    protected CloseableHttpResponse doExecute(HttpHost target, ClassicHttpRequest request, HttpContext context) throws IOException {
        if (clients.brokenOff) {
            throw new ConnectException("the application has stopped");
        }
        cutOnRequest(request);
        ClassicHttpResponse response = gates.watch(request,
                () -> Circuits.watch(camelContext, request, () -> client().executeOpen(host(target, request), request, context)));
        return response instanceof CloseableHttpResponse closeable ? closeable : CloseableHttpResponse.adapt(response);
    }

    /** Returns the real host of the request, which may carry a stand-in for Camel's http component. */
    private static HttpHost host(HttpHost target, ClassicHttpRequest request) {
        URIAuthority authority = request.getAuthority();
        String name = Url.realHost(target == null ? authority.getHostName() : target.getHostName());
        if (authority != null) {
            request.setAuthority(new URIAuthority(name, authority.getPort()));
        }
        return target == null ? new HttpHost(request.getScheme(), name, authority.getPort()) : new HttpHost(target.getSchemeName(), name, target.getPort());
    }

    private void cutOnRequest(ClassicHttpRequest request) {
        Header name = request.getFirstHeader(REQUEST);
        if (name != null && request instanceof Cancellable call) {
            request.removeHeaders(REQUEST);
            Cancellations.of(camelContext).onRequest(name.getValue(), call::cancel);
        }
    }

    private synchronized CloseableHttpClient client() {
        if (client == null) {
            client = build(Settings.of(camelContext));
            clients.open.add(this);
        }
        return client;
    }

    private CloseableHttpClient build(Settings settings) {
        Timeout stall = Timeout.of(settings.duration(Property.STALL_TIMEOUT));
        int most = Capacity.of(camelContext).most();
        clock = new ScheduledPool(camelContext, "bactrian-deadline-" + provider + (anonymous ? "-streams" : ""), 1);
        connections = PoolingHttpClientConnectionManagerBuilder.create()
                .setConnectionFactory(quietConnections())
                .setTlsSocketStrategy(Tls.of(camelContext, settings, clock))
                .setMaxConnTotal(most)
                .setMaxConnPerRoute(most)
                .setDefaultConnectionConfig(ConnectionConfig.custom()
                        .setConnectTimeout(Timeout.of(settings.duration(Property.CONNECT_TIMEOUT)))
                        // Validates on each use: a service may soon close an idle connection, and unread bytes in it are no answer of ours.
                        .setValidateAfterInactivity(TimeValue.ZERO_MILLISECONDS)
                        .setTimeToLive(LONGEST_LIFE)
                        .build())
                .build();
        HttpClientBuilder builder = HttpClients.custom()
                .setConnectionManager(connections)
                .setRequestExecutor(new StallTimeoutExecutor(stall, clock))
                .setUserAgent("bactrian/" + Version.current())
                .disableAutomaticRetries()
                .disableRedirectHandling()
                .disableCookieManagement()
                .disableAuthCaching()
                // Does not reuse a connection after a 5xx: the failing service or its gateway may be about to close it.
                .setConnectionReuseStrategy((request, response, context) -> response.getCode() < HttpStatus.SC_SERVER_ERROR
                        && DefaultClientConnectionReuseStrategy.INSTANCE.keepAlive(request, response, context))
                .evictIdleConnections(LONGEST_IDLE)
                .setDefaultRequestConfig(RequestConfig.custom()
                        .setResponseTimeout(Timeout.of(settings.duration(Property.RESPONSE_TIMEOUT)))
                        // Zero would mean no wait at all, not even for a connection that another thread is just returning.
                        .setConnectionRequestTimeout(Timeout.of(settings.duration(Property.CONNECT_TIMEOUT)))
                        .setProtocolUpgradeEnabled(false)
                        .build())
                .addExecInterceptorBefore(ChainElement.CONNECT.name(), "bactrian-line", new ConnectionChooser(provider().isPolled()));
        through(provider().access(null).proxy(), builder);
        // Added last, so outermost: it sees the provider's answers after the proxy's have been told apart.
        builder.addExecInterceptorFirst("bactrian-answer", new Guard(settings, provider(), credentials(), anonymous, clock,
                CamelContextHelper.mandatoryLookup(camelContext, "bactrianAnswerRoom", AnswerRoom.class), Keys.of(camelContext)));
        return builder.build();
    }

    /** Returns a factory of connections that log nothing, neither a token nor a proxy's password. */
    public static HttpConnectionFactory<ManagedHttpClientConnection> quietConnections() {
        return socket -> {
            NonLoggingConnection connection = new NonLoggingConnection();
            if (socket != null) {
                connection.bind(socket);
            }
            return connection;
        };
    }

    /** Configures the client to use the proxy, if there is one. */
    public static void through(Optional<Settings.Proxy> configured, HttpClientBuilder builder) {
        configured.ifPresent(proxy -> {
            HttpHost host = new HttpHost(proxy.host(), proxy.port());
            builder.setProxy(host).addExecInterceptorFirst("bactrian-proxy", new Proxied(host));
            if (proxy.user() != null) {
                BasicCredentialsProvider credentials = new BasicCredentialsProvider();
                credentials.setCredentials(new AuthScope(host),
                        new UsernamePasswordCredentials(proxy.user(), proxy.password().toCharArray()));
                builder.setDefaultCredentialsProvider(credentials);
            }
        });
    }

    /** Returns the number of connections in use. */
    public synchronized int leased() {
        return connections == null ? 0 : connections.getTotalStats().getLeased();
    }

    /** Cuts the open calls and rejects further ones. */
    public static void breakOff(CamelContext context) {
        Clients clients = Clients.of(context);
        clients.brokenOff = true;
        clients.open.forEach(one -> one.close(CloseMode.IMMEDIATE));
    }

    @Override
    public void close() {
        close(CloseMode.GRACEFUL);
    }

    @Override
    public synchronized void close(CloseMode mode) {
        if (client != null) {
            client.close(mode);
            client = null;
            clients.open.remove(this);
            clock.shutdownNow();
        }
    }

    /** The clients of a Camel context that may have open calls. */
    private static final class Clients {

        private final Set<ProviderHttp> open = ConcurrentHashMap.newKeySet();
        private volatile boolean brokenOff;

        static synchronized Clients of(CamelContext context) {
            Clients known = context.getCamelContextExtension().getContextPlugin(Clients.class);
            if (known != null) {
                return known;
            }
            Clients clients = new Clients();
            context.getCamelContextExtension().addContextPlugin(Clients.class, clients);
            return clients;
        }
    }

    /** The token of an account, or null, and the only endpoints that it is sent to; the access holds all tokens, or is null. */
    private record Credentials(Access access, String token, List<HttpHost> endpoints) {

        static Credentials of(Settings settings, Provider provider, String account, String name) {
            Access all = provider.access(account);
            Access access = all.only(name);
            List<Url> urls = access.endpoints().stream().map(Url::of).toList();
            String token = access.token();
            List<String> open = urls.stream().filter(url -> url.scheme().equals("http") && !url.isLoopback()).map(Url::origin).distinct().toList();
            if (token != null && !open.isEmpty() && settings.isFirst("in the clear: " + provider.name())) {
                LOG.warn("{} goes in the clear to {}: whoever is on the way can read it. Use https", access.tokenName(), String.join(", ", open));
            }
            return new Credentials(all, token, urls.stream().map(url -> host(url.scheme(), url.host(), url.port())).toList());
        }

        /** Whether the token is sent to that host. */
        boolean areFor(HttpHost target) {
            return token != null && endpoints.contains(host(target.getSchemeName(), target.getHostName(), target.getPort()));
        }

        private static HttpHost host(String scheme, String name, int port) {
            return new HttpHost(scheme, name.replace("[", "").replace("]", ""), port);
        }
    }

    /** Adds the token to the request, and wraps the body of the answer in an {@link AnswerBody}. */
    private static final class Guard implements ExecChainHandler {

        private final Settings settings;
        private final Provider provider;
        private final long limit;
        private final DeadlineClock clock;
        private final boolean anonymous;
        private final AnswerRoom room;
        private final Keys keys;
        private final Credentials ownCredentials;
        private final Map<String, Credentials> credentials = new ConcurrentHashMap<>();

        Guard(Settings settings, Provider provider, Credentials ownCredentials, boolean anonymous, ScheduledExecutorService clock,
                AnswerRoom room, Keys keys) {
            this.room = room;
            this.keys = keys;
            this.settings = settings;
            this.provider = provider;
            this.anonymous = anonymous;
            this.clock = new DeadlineClock(clock);
            limit = settings.bytes(Property.MAX_RESPONSE_BYTES);
            this.ownCredentials = ownCredentials;
        }

        private Credentials credentials(ClassicHttpRequest request, ExecChain.Scope scope) {
            String account = taken(request, scope, ACCOUNT);
            String token = taken(request, scope, TOKEN);
            return account == null && token == null ? ownCredentials
                    : credentials.computeIfAbsent(account + " " + token, key -> Credentials.of(settings.account(account), provider, account, token));
        }

        /** Removes an internal header and returns its value, or null. */
        private static String taken(ClassicHttpRequest request, ExecChain.Scope scope, String name) {
            Header header = request.getFirstHeader(name);
            request.removeHeaders(name);
            scope.originalRequest.removeHeaders(name);
            return header == null ? null : header.getValue();
        }

        private void watch(Credentials used, ClassicHttpRequest request, int status) {
            // What a 403 of a create or a chat is about, its body says, which is not read here.
            boolean unsure = status == 403 && Method.POST.isSame(request.getMethod());
            if (used.access() != null && used.token() != null && Keys.isRefusal(status) && !unsure) {
                keys.refused(provider.name(), used.access(), used.token(), null, status);
            } else if (used.access() != null && used.token() != null && status < 300 && Method.POST.isSame(request.getMethod())) {
                keys.accepted(provider.name(), used.access(), used.token());
            }
        }

        @Override
        public ClassicHttpResponse execute(ClassicHttpRequest request, ExecChain.Scope scope, ExecChain chain)
                throws IOException, HttpException {
            Credentials own = credentials(request, scope);
            String token = own.token();
            boolean authenticated = own.areFor(scope.route.getTargetHost());
            if (authenticated) {
                request.setHeader(provider.tokenHeader(), provider.authorization(token));
                // If a proxy asks for credentials, HttpClient repeats the original request.
                scope.originalRequest.setHeader(provider.tokenHeader(), provider.authorization(token));
            }
            waitAsAsked(request, scope);
            ClassicHttpResponse response = chain.proceed(request, scope);
            if (authenticated) {
                watch(own, request, response.getCode());
            }
            response.removeHeaders(HttpHeaders.LOCATION);
            HttpEntity entity = response.getEntity();
            if (entity != null && entity.isStreaming()) {
                boolean stream = isStream(request, response);
                entity = guarded(entity, scope, !stream, stream ? AnswerRoom.Kind.STREAM
                        : Method.GET.isSame(request.getMethod()) ? AnswerRoom.Kind.POLL : AnswerRoom.Kind.CALL);
                response.setEntity(isCreate(request, response) ? begun(entity) : entity);
            }
            if (response.getCode() >= 300) {
                withKnownCharset(response);
            }
            if (entity != null && response.getCode() >= 300 && token != null) {
                response.setEntity(withoutToken(entity, token));
            }
            return response;
        }

        /** Removes an unknown charset: Camel fails on one, and the status and message of an error answer would be lost. */
        private static void withKnownCharset(ClassicHttpResponse response) {
            Header type = response.getFirstHeader(HttpHeaders.CONTENT_TYPE);
            try {
                ContentType.parse(type == null ? null : type.getValue());
            } catch (IllegalArgumentException e) {
                response.setHeader(HttpHeaders.CONTENT_TYPE, type.getValue().split(";", 2)[0]);
            }
        }

        /** Whether the answer is a stream, whose reader sets the deadlines. */
        private boolean isStream(ClassicHttpRequest request, ClassicHttpResponse response) {
            return response.getCode() < 300 && (anonymous || !provider.isPolled() && Method.POST.isSame(request.getMethod()));
        }

        private boolean isCreate(ClassicHttpRequest request, ClassicHttpResponse response) {
            return response.getCode() < 300 && provider.isPolled() && Method.POST.isSame(request.getMethod());
        }

        private HttpEntity begun(HttpEntity entity) {
            return new HttpEntityWrapper(entity) {
                private InputStream content;

                @Override
                public InputStream getContent() throws IOException {
                    if (content == null) {
                        content = new BegunAnswer(super.getContent(), provider.idField());
                    }
                    return content;
                }
            };
        }

        private HttpEntity guarded(HttpEntity entity, ExecChain.Scope scope, boolean whole, AnswerRoom.Kind kind) {
            HttpClientConnection connection = (HttpClientConnection) scope.clientContext.getAttribute(StallTimeoutExecutor.CONNECTION);
            Deadline deadline = new Deadline(clock, scope.execRuntime::discardEndpoint);
            return new HttpEntityWrapper(entity) {
                private AnswerBody content;

                @Override
                public InputStream getContent() throws IOException {
                    if (content == null) {
                        content = new AnswerBody(super.getContent(), scope.execRuntime, connection, getContentLength(), limit).timed(deadline)
                                .in(room.place(kind, () -> connection != null && !connection.isOpen()));
                        if (whole) {
                            content.whole(settings.duration(Property.RESPONSE_TIMEOUT));
                        }
                    }
                    return content;
                }
            };
        }

        /** Extends {@code bactrian.response-timeout} by the time that the service is asked to wait before it answers. */
        private static void waitAsAsked(ClassicHttpRequest request, ExecChain.Scope scope) {
            Header prefer = request.getFirstHeader("Prefer");
            if (prefer != null && prefer.getValue().startsWith(WAIT)) {
                RequestConfig config = scope.clientContext.getRequestConfigOrDefault();
                scope.clientContext.setRequestConfig(RequestConfig.copy(config).setResponseTimeout(Timeout.of(
                        config.getResponseTimeout().toDuration().plusSeconds(Long.parseLong(prefer.getValue().substring(WAIT.length()))))).build());
            }
        }

        /** Masks the token in an error answer, which may echo it: Camel puts the body into logs and traces. */
        private HttpEntity withoutToken(HttpEntity entity, String token) throws IOException {
            byte[] body;
            try (InputStream content = entity.getContent()) {
                body = content.readAllBytes();
            }
            String text = new String(body, StandardCharsets.UTF_8);
            String clean = Masked.without(text, Masked.forms(token));
            return new ByteArrayEntity(clean.equals(text) ? body : clean.getBytes(StandardCharsets.UTF_8), ContentType.parseLenient(entity.getContentType()));
        }
    }
}
