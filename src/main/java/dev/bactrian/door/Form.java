package dev.bactrian.door;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.multipart.Attribute;
import io.netty.handler.codec.http.multipart.DefaultHttpDataFactory;
import io.netty.handler.codec.http.multipart.FileUpload;
import io.netty.handler.codec.http.multipart.HttpPostMultipartRequestDecoder;
import io.netty.handler.codec.http.multipart.HttpPostRequestDecoder;
import io.netty.handler.codec.http.multipart.InterfaceHttpData;
import io.vertx.core.http.HttpServerRequest;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.attachment.Attachment;
import org.apache.camel.attachment.AttachmentMessage;

/**
 * The fields and the file of a body that is {@code multipart/form-data}.
 *
 * <p>The service's own server leaves such a body as it is. Others take it apart, and keep the file until the call ends.
 */
final class Form {

    /** The path of calls that bring a form. */
    static final String EDITS = "/v1/images/edits";

    private static final String TYPE = "multipart/form-data";
    /** The content type of a form that is left whole; platform-http would make headers of the fields of another. */
    private static final String WHOLE = "application/x-form-data";
    private static final int MOST_FIELDS = 100;

    private final UnaryOperator<String> fields;
    private final List<byte[]> files;

    private Form(UnaryOperator<String> fields, List<byte[]> files) {
        this.fields = fields;
        this.files = files;
    }

    /** Has the form of a request that may bring one reach the route as it is. */
    static void keepWhole(HttpServerRequest request) {
        String type = request.getHeader("Content-Type");
        if (EDITS.equals(request.path()) && type != null && isOfType(type, TYPE)) {
            request.headers().set("Content-Type", WHOLE + type.trim().substring(TYPE.length()));
        }
    }

    private static boolean isOfType(String contentType, String type) {
        return contentType.split(";", 2)[0].trim().toLowerCase(Locale.ROOT).equals(type);
    }

    /**
     * Returns the form in the body of an exchange.
     *
     * @throws GenerationFailure {@code invalid-request} if the body is none
     * @throws IOException       if a file of it cannot be read
     */
    static Form of(Exchange exchange) throws IOException {
        Message message = exchange.getMessage();
        String type = message.getHeader(Exchange.CONTENT_TYPE, "", String.class);
        if (isOfType(type, WHOLE)) {
            return Whole.read(message.getBody(byte[].class), TYPE + type.trim().substring(WHOLE.length()));
        } else if (!isOfType(type, TYPE)) {
            throw invalid("not " + TYPE);
        }
        return new Form(Call.of(exchange).client()::field, attached(exchange));
    }

    private static GenerationFailure invalid(String message) {
        return new GenerationFailure(ErrorType.INVALID_REQUEST, message);
    }

    private static List<byte[]> attached(Exchange exchange) throws IOException {
        List<byte[]> files = new ArrayList<>();
        AttachmentMessage message = exchange.getMessage(AttachmentMessage.class);
        if (message.hasAttachments()) {
            for (Attachment file : message.getAttachmentObjects().values()) {
                try (InputStream in = file.getDataHandler().getInputStream()) {
                    files.add(in.readAllBytes());
                }
            }
        }
        // Attachments are by the names of files, which two parts may share.
        for (int more = exchange.getMessage().getHeader(Exchange.ATTACHMENTS_SIZE, 0, Integer.class); more > files.size();) {
            files.add(new byte[0]);
        }
        return files;
    }

    /** Returns the first value of a field, or null. */
    String field(String name) {
        return fields.apply(name);
    }

    /**
     * Returns the bytes of the file.
     *
     * @param name the name of its part, for the error
     * @throws GenerationFailure {@code invalid-request} if there is none, or more than one
     */
    byte[] file(String name) {
        if (files.size() != 1) {
            throw invalid(name + ": not one file; the part of a file has a filename");
        }
        return files.get(0);
    }

    /** Reads a form that was left whole, in memory. Not loaded without Netty. */
    private static final class Whole {

        static Form read(byte[] body, String contentType) throws IOException {
            FullHttpRequest request = new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.POST, EDITS,
                    Unpooled.wrappedBuffer(body == null ? new byte[0] : body));
            request.headers().set(HttpHeaderNames.CONTENT_TYPE, contentType);
            if (!HttpPostRequestDecoder.isMultipart(request)) {
                throw invalid(TYPE + " without a boundary");
            }
            Map<String, String> fields = new HashMap<>();
            List<byte[]> files = new ArrayList<>();
            HttpPostMultipartRequestDecoder decoder = null;
            try {
                decoder = new HttpPostMultipartRequestDecoder(new DefaultHttpDataFactory(false), request, StandardCharsets.UTF_8, MOST_FIELDS, 0);
                for (InterfaceHttpData part : decoder.getBodyHttpDatas()) {
                    if (part instanceof FileUpload file) {
                        files.add(file.get());
                    } else if (part instanceof Attribute field) {
                        fields.putIfAbsent(field.getName(), field.getValue());
                    }
                }
                if (decoder.currentPartialHttpData() != null) {
                    throw invalid("the form has no end");
                }
            } catch (DecoderException | IllegalArgumentException e) {
                throw invalid("the form is malformed");
            } finally {
                if (decoder != null) {
                    decoder.destroy();
                }
            }
            return new Form(fields::get, files);
        }
    }
}
