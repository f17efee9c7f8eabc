package dev.bactrian.door;

import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.generate.Capacity;
import dev.bactrian.text.OneLineLogger;
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
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
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
    private static final long BODY_PAUSE_MILLIS = 30_000;
    private static final long STOP_SECONDS = 5;
    /** Threads for calls that are answered at once, beside those that wait for an outcome. */
    private static final int SPARE_THREADS = 64;

    private CamelContext camelContext;
    private Settings settings;
    private Callers callers;
    private Vertx vertx;
    private HttpServer server;
    private Connections connections;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
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
        vertx = Vertx.vertx(new VertxOptions().setWorkerPoolSize(most + SPARE_THREADS)
                // A request may take as long as its model does.
                .setBlockedThreadCheckInterval(TimeUnit.DAYS.toMillis(1))
                .setFileSystemOptions(new FileSystemOptions().setFileCachingEnabled(false).setClassPathResolvingEnabled(false)));
        connections = new Connections(vertx, most + SPARE_THREADS);
        Router router = router();
        camelContext.getRegistry().bind(VertxPlatformHttpRouter.PLATFORM_HTTP_ROUTER_NAME_ZERO, new VertxPlatformHttpRouter(null, vertx, router,
                VertxPlatformHttpRouter.PLATFORM_HTTP_ROUTER_NAME_ZERO, VertxPlatformHttpRouter.SERVER_TYPE_SERVER) {
            @Override
            public Handler<RoutingContext> bodyHandler() {
                return DoorServer.this.bodyHandler();
            }
        });
        server = vertx.createHttpServer(new HttpServerOptions().setMaxHeaderSize(LONGEST_HEAD_BYTES).setMaxInitialLineLength(LONGEST_LINE_BYTES)
                .setHttp2ClearTextEnabled(false).setTcpNoDelay(true)).connectionHandler(connections::opened).requestHandler(request -> {
                    connections.busy(request);
                    router.handle(request);
                });
        int port = settings.count(Property.HTTP_PORT);
        try {
            await(server.listen(port, host.replaceAll("^\\[|]$", "")));
        } catch (ExecutionException e) {
            throw new SettingException(Property.HTTP_PORT.key(), host + ":" + port + " cannot be opened: " + e.getCause().getMessage());
        }
    }

    private Router router() {
        Router router = Router.router(vertx);
        router.route().handler(this::check);
        router.errorHandler(404, context -> answer(context.response(), 404, "not-found", "there is nothing at " + context.request().method() + " " + context.normalizedPath()));
        router.errorHandler(405, context -> answer(context.response(), 405, "not-found", "there is no " + context.request().method() + " of " + context.normalizedPath()));
        router.errorHandler(413, context -> answer(context.response().putHeader("Connection", "close"), 413, "invalid-request",
                "the body is larger than " + Property.MAX_REQUEST_BYTES.key() + " (" + settings.require(Property.MAX_REQUEST_BYTES) + ")"));
        router.errorHandler(400, context -> answer(context.response(), 400, "invalid-request", "the request is malformed"));
        router.errorHandler(500, context -> answer(context.response(), 500, "internal", "the call has failed; the log of the service says why"));
        return router;
    }

    private BodyHandler bodyHandler() {
        return BodyHandler.create(Path.of(settings.require(Property.DATA_DIR), "http", "uploads").toString())
                .setBodyLimit(settings.bytes(Property.MAX_REQUEST_BYTES)).setDeleteUploadedFilesOnEnd(true);
    }

    /** Refuses a call with a body before the body is read. */
    private void check(RoutingContext context) {
        HttpServerRequest request = context.request();
        if (camelContext.isStopping()) {
            answer(context.response().putHeader("Connection", "close").putHeader("Retry-After", "1"), 503, "provider-unavailable", "the application stops");
            return;
        }
        if (!request.method().equals(HttpMethod.POST)) {
            context.next();
            return;
        }
        try {
            callers.require(VertxClient.head(request));
        } catch (Refusal e) {
            HttpServerResponse response = context.response().putHeader("Connection", "close");
            if (e.status() == 401) {
                response.putHeader("WWW-Authenticate", "Bearer");
            }
            answer(response, e.status(), e.type(), e.getMessage());
            return;
        }
        watch(request, -1);
        context.next();
    }

    /** Closes the connection if nothing of the body comes for a while. */
    private void watch(HttpServerRequest request, long before) {
        vertx.setTimer(BODY_PAUSE_MILLIS, timer -> {
            long now = request.bytesRead();
            if (request.isEnded() || request.response().ended() || request.response().closed()) {
                return;
            } else if (now == before) {
                answer(request.response().putHeader("Connection", "close"), 408, "invalid-request", "the body did not come within 30 s");
                return;
            }
            watch(request, now);
        });
    }

    private static void answer(HttpServerResponse response, int status, String type, String message) {
        if (!response.ended() && !response.headWritten()) {
            response.setStatusCode(status).putHeader("Content-Type", Answers.JSON).putHeader("X-Should-Retry", String.valueOf(status == 503))
                    .end(Buffer.buffer(Answers.bytes(Answers.error(type, message))));
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
