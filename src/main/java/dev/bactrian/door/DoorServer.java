package dev.bactrian.door;

import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.generate.Capacity;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.RoutePool;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.impl.VertxBuilder;
import io.vertx.core.spi.ExecutorServiceFactory;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.StaticService;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.support.service.ServiceSupport;
import org.slf4j.Logger;

/**
 * The HTTP server of the service, on which the routes of {@code routes/from-http.camel.yaml} consume. Unlike Camel's own it refuses a call
 * before it reads its body, and lets no slow or silent client hold a connection that another needs.
 */
public final class DoorServer extends ServiceSupport implements CamelContextAware, StaticService {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.http");
    private static final int LONGEST_HEAD_BYTES = 32 * 1024;
    private static final int LONGEST_LINE_BYTES = 8 * 1024;
    private static final long STOP_SECONDS = 5;
    /** Calls that are answered at once, beside those that wait for an outcome. */
    private static final int SPARE_CALLS = 64;

    private static final String MALFORMED = "the request is malformed";

    private CamelContext camelContext;
    private Settings settings;
    private Callers callers;
    private Vertx vertx;
    private HttpServer server;
    private Connections connections;
    private Times times = Times.USUAL;

    void setTimes(Times others) {
        times = others;
    }

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
    }

    Connections connections() {
        return connections;
    }

    /** Returns the port that the server listens on. */
    public int port() {
        return server.actualPort();
    }

    /**
     * Opens the port.
     *
     * @throws SettingException if it cannot be opened, or other machines could reach a door without keys
     */
    @Override
    protected void doStart() {
        settings = Settings.of(camelContext);
        callers = Callers.of(settings);
        String host = settings.require(Property.HTTP_HOST);
        if (!callers.needKey() && !Callers.isLoopback(host)) {
            throw new SettingException(Property.HTTP_HOST.key(), "'" + host + "' can be reached from other machines: set "
                    + Property.HTTP_API_KEYS.key());
        }
        int most = settings.isSet(Property.HTTP_MAX_REQUESTS) ? settings.count(Property.HTTP_MAX_REQUESTS) : Capacity.of(camelContext).most();
        int calls = most + SPARE_CALLS;
        vertx = new VertxBuilder(new VertxOptions().setWorkerPoolSize(calls)
                // A request may take as long as its model does.
                .setBlockedThreadCheckInterval(TimeUnit.DAYS.toMillis(1))
                .setFileSystemOptions(new FileSystemOptions().setFileCachingEnabled(false).setClassPathResolvingEnabled(false)))
                // Vert.x has no public way to replace the pool of its workers, which alone has this size.
                .executorServiceFactory((threads, size, largest) -> size == calls ? workers()
                        : ExecutorServiceFactory.INSTANCE.createExecutor(threads, size, largest))
                .init().vertx();
        HttpServerOptions options = new HttpServerOptions().setMaxHeaderSize(LONGEST_HEAD_BYTES).setMaxInitialLineLength(LONGEST_LINE_BYTES)
                .setHttp2ClearTextEnabled(false).setTcpNoDelay(true);
        connections = new Connections(calls, times, options);
        Router router = router();
        BodyReader body = new BodyReader(settings.bytes(Property.MAX_REQUEST_BYTES), times.pause());
        camelContext.getRegistry().bind(VertxPlatformHttpRouter.PLATFORM_HTTP_ROUTER_NAME_ZERO, new VertxPlatformHttpRouter(null, vertx, router,
                VertxPlatformHttpRouter.PLATFORM_HTTP_ROUTER_NAME_ZERO, VertxPlatformHttpRouter.SERVER_TYPE_SERVER) {
            @Override
            public Handler<RoutingContext> bodyHandler() {
                return body;
            }
        });
        server = vertx.createHttpServer(options).connectionHandler(connections::opened).requestHandler(request -> {
            Form.keepWhole(request);
            router.handle(request);
        }).invalidRequestHandler(this::malformed);
        int port = settings.count(Property.HTTP_PORT);
        try {
            await(server.listen(port, host.replaceAll("^\\[|]$", "")));
        } catch (ExecutionException e) {
            throw new SettingException(Property.HTTP_PORT.key(), host + ":" + port + " cannot be opened: " + e.getCause().getMessage());
        }
    }

    /** A call holds a thread until it is answered. {@link Door} limits the calls in work. */
    private ExecutorService workers() {
        RoutePool workers = new RoutePool("bactrian-http-call");
        workers.setCamelContext(camelContext);
        return workers;
    }

    private Router router() {
        Router router = Router.router(vertx);
        router.route().handler(this::check);
        router.errorHandler(404, context -> answer(context.request(), 404, "not-found", "there is nothing at " + context.request().method() + " " + context.normalizedPath()));
        router.errorHandler(405, context -> answer(context.request(), 405, "not-found", "there is no " + context.request().method() + " of " + context.normalizedPath()));
        router.errorHandler(413, context -> close(context.request(), 413, "the body is larger than " + Property.MAX_REQUEST_BYTES.key() + " ("
                + settings.require(Property.MAX_REQUEST_BYTES) + ")"));
        router.errorHandler(408, context -> close(context.request(), 408, "the body paused for " + times.pause().toSeconds() + " s"));
        router.errorHandler(400, context -> close(context.request(), 400, MALFORMED));
        router.errorHandler(500, context -> answer(context.request(), 500, "internal", "the call has failed; the log of the service says why"));
        return router;
    }

    private void malformed(HttpServerRequest request) {
        Throwable cause = request.decoderResult().cause();
        close(request, cause instanceof TooLongHttpLineException ? 414 : cause instanceof TooLongHttpHeaderException ? 431 : 400,
                cause instanceof TooLongFrameException ? "the head is too long" : MALFORMED);
    }

    /** Refuses a call with a body before the body is read. */
    private void check(RoutingContext context) {
        HttpServerRequest request = context.request();
        if (Connections.isClosed(request.connection())) {
            return;
        } else if (!camelContext.isStarted()) {
            request.response().putHeader("Retry-After", "1");
            close(request, 503, "provider-unavailable", camelContext.isStarting() ? "the application starts" : "the application stops");
        } else if (!request.uri().startsWith("/") && !request.uri().matches("(?i)http://" + Pattern.quote(String.valueOf(request.host())) + "([/?].*)?")) {
            // The URL in the first line is to win over Host, which is checked.
            close(request, 400, MALFORMED);
        } else if (!request.method().equals(HttpMethod.POST) && !BodyReader.follows(request)) {
            context.next();
        } else if (!isAdmitted(request)) {
            return;
        } else if (isForm(request)) {
            close(request, 400, "the body is a form: send JSON, as Content-Type: application/json");
        } else {
            context.next();
        }
    }

    /** What comes from a form would become headers of the message. */
    private static boolean isForm(HttpServerRequest request) {
        String type = String.valueOf(request.getHeader("Content-Type")).trim().toLowerCase(Locale.ROOT);
        return type.startsWith("multipart/") || type.startsWith("application/x-www-form-urlencoded");
    }

    private boolean isAdmitted(HttpServerRequest request) {
        try {
            callers.require(VertxClient.head(request));
            return true;
        } catch (Refusal e) {
            if (e.status() == 401) {
                request.response().putHeader("WWW-Authenticate", "Bearer");
            }
            close(request, e.status(), e.type(), e.getMessage());
            return false;
        }
    }

    /** Refuses a call whose connection cannot be used again. */
    private void close(HttpServerRequest request, int status, String message) {
        close(request, status, "invalid-request", message);
    }

    private void close(HttpServerRequest request, int status, String type, String message) {
        if (!request.response().headWritten()) {
            request.response().putHeader("Connection", "close");
        }
        answer(request, status, type, message);
    }

    private void answer(HttpServerRequest request, int status, String type, String message) {
        HttpServerResponse response = request.response();
        if (!response.ended() && !response.headWritten()) {
            callers.corsHeaders(VertxClient.head(request)).forEach(response::putHeader);
            response.setStatusCode(status).putHeader("Content-Type", Answers.JSON).putHeader("X-Content-Type-Options", "nosniff")
                    .putHeader("X-Should-Retry", String.valueOf(status == 503)).end(Buffer.buffer(Answers.bytes(Answers.error(type, message))));
        }
    }

    @Override
    protected void doStop() {
        try {
            if (server != null) {
                await(server.close());
            }
            if (vertx != null) {
                await(vertx.close());
            }
        } catch (ExecutionException e) {
            LOG.debug("The HTTP server did not close: {}", e.toString());
        }
    }

    private static <T> T await(Future<T> future) throws ExecutionException {
        CompletableFuture<T> done = future.toCompletionStage().toCompletableFuture();
        try {
            return done.get(STOP_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ExecutionException(e);
        } catch (TimeoutException e) {
            throw new ExecutionException(e);
        }
    }
}
