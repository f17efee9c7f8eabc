package dev.bactrian.http;

import java.io.IOException;

import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.impl.io.HttpRequestExecutor;
import org.apache.hc.core5.http.io.HttpClientConnection;
import org.apache.hc.core5.http.io.HttpResponseInformationCallback;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.util.Timeout;

/** Once the answer has begun, {@code bactrian.stall-timeout} counts between two reads of it. */
public final class StallAware extends HttpRequestExecutor {

    /** The attribute of a call's context that holds the connection of its answer. */
    static final String CONNECTION = StallAware.class.getName() + ".connection";

    private final Timeout stall;

    /** {@code stall}: the longest between two reads. */
    public StallAware(Timeout stall) {
        this.stall = stall;
    }

    @Override
    public ClassicHttpResponse execute(ClassicHttpRequest request, HttpClientConnection connection,
            HttpResponseInformationCallback information, HttpContext context) throws IOException, HttpException {
        ClassicHttpResponse response = super.execute(request, connection, information, context);
        connection.setSocketTimeout(stall);
        context.setAttribute(CONNECTION, connection);
        return response;
    }
}
