package dev.bactrian.door;

import java.time.Duration;

import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.impl.RoutingContextInternal;

/** Reads the body of a call into memory. Unlike Vert.x's own it takes no forms, and gives up a body that does not come. */
final class BodyReader implements Handler<RoutingContext> {

    /** How often it is checked whether more has come, in the time that a body may pause. */
    private static final int CHECKS = 6;

    private final long most;
    private final Duration pause;

    /** Creates a reader of bodies of that many bytes at most, which may pause for that long. */
    BodyReader(long most, Duration pause) {
        this.most = most;
        this.pause = pause;
    }

    /** Whether the head says that a body comes. */
    static boolean follows(HttpServerRequest request) {
        return request.headers().contains("Transfer-Encoding") || request.headers().contains("Content-Length") && length(request) != 0;
    }

    private static long length(HttpServerRequest request) {
        String length = request.getHeader("Content-Length");
        return length == null ? -1 : Long.parseLong(length);
    }

    @Override
    public void handle(RoutingContext context) {
        HttpServerRequest request = context.request();
        if (length(request) > most) {
            context.fail(413);
            return;
        }
        watch(context, 0, 0);
        if ("100-continue".equalsIgnoreCase(request.getHeader("Expect")) && request.version() == HttpVersion.HTTP_1_1) {
            request.response().writeContinue();
        }
        Buffer body = Buffer.buffer();
        request.handler(piece -> {
            if (context.failed()) {
                return;
            } else if (body.length() + piece.length() > most) {
                context.fail(413);
            } else {
                body.appendBuffer(piece);
            }
        });
        request.endHandler(end -> {
            if (!context.failed()) {
                ((RoutingContextInternal) context).setBody(body);
                context.next();
            }
        });
        request.exceptionHandler(failure -> giveUp(context));
        request.resume();
    }

    private static void giveUp(RoutingContext context) {
        if (!context.failed()) {
            context.fail(400);
        }
    }

    private void watch(RoutingContext context, long before, int still) {
        HttpServerRequest request = context.request();
        context.vertx().setTimer(pause.toMillis() / CHECKS, timer -> {
            long now = request.bytesRead();
            if (request.isEnded() || context.failed() || request.response().closed()) {
                return;
            } else if (now == before && still + 1 == CHECKS) {
                context.fail(408);
            } else {
                watch(context, now, now == before ? still + 1 : 0);
            }
        });
    }
}
