package dev.bactrian.door;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;

import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import io.vertx.ext.web.impl.RoutingContextInternal;

/**
 * Reads the body of a call into memory, and the files of a form to the disk, as Vert.x does. Unlike its own handler it gives up a body that
 * does not come.
 */
final class BodyReader implements Handler<RoutingContext> {

    /** How often it is checked whether more has come, in the time that a body may pause. */
    private static final int CHECKS = 6;

    private final long most;
    private final Duration pause;
    private final Handler<RoutingContext> forms;

    /**
     * Creates a reader.
     *
     * @param most    the most bytes of a body
     * @param pause   how long it may pause
     * @param uploads the folder for the files of forms, which are deleted when the call is answered
     */
    BodyReader(long most, Duration pause, Path uploads) {
        this.most = most;
        this.pause = pause;
        forms = BodyHandler.create(uploads.toString()).setBodyLimit(most).setDeleteUploadedFilesOnEnd(true);
    }

    /** Whether the body is a form. */
    static boolean isForm(HttpServerRequest request) {
        String type = String.valueOf(request.getHeader("Content-Type")).trim().toLowerCase(Locale.ROOT);
        return type.startsWith("multipart/") || type.startsWith("application/x-www-form-urlencoded");
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
        if (isForm(request)) {
            forms.handle(context);
            request.exceptionHandler(failure -> {
                giveUp(context);
                deleteFiles(context);
            });
            return;
        }
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

    private static void deleteFiles(RoutingContext context) {
        try {
            context.cancelAndCleanupFileUploads();
        } catch (IllegalStateException e) {
            // The last file was still being sent; its own failure has closed it, and deletes it.
        }
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
