package dev.bactrian.door;

import java.util.List;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpVersion;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.impl.VertxHttpRequestDecoder;

/**
 * Reads the heads of requests as Vert.x does, and takes one for malformed whose body a proxy in front could read in another way (RFC 9112,
 * section 6): what follows it on the connection is then not a request.
 */
final class Heads extends VertxHttpRequestDecoder {

    Heads(HttpServerOptions options) {
        super(options);
    }

    @Override
    protected boolean isContentAlwaysEmpty(HttpMessage head) {
        List<String> encodings = head.headers().getAll(HttpHeaderNames.TRANSFER_ENCODING);
        if (!encodings.isEmpty() && (encodings.size() > 1 || !encodings.get(0).equalsIgnoreCase("chunked")
                || head.headers().contains(HttpHeaderNames.CONTENT_LENGTH) || !head.protocolVersion().equals(HttpVersion.HTTP_1_1))) {
            throw new IllegalArgumentException("Transfer-Encoding is not chunked alone");
        }
        return super.isContentAlwaysEmpty(head);
    }
}
