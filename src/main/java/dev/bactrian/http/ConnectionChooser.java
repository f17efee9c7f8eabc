package dev.bactrian.http;

import java.io.IOException;
import java.net.SocketTimeoutException;

import org.apache.hc.client5.http.classic.ExecChain;
import org.apache.hc.client5.http.classic.ExecChainHandler;
import org.apache.hc.client5.http.classic.ExecRuntime;
import org.apache.hc.client5.http.impl.classic.RequestFailedException;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.Method;

/**
 * Chooses the connection of a call. The server may close a pooled connection at any moment, even between the check of the
 * connection and the request. So a POST that must not be repeated gets a new connection. Other clients repeat a call at once, on a
 * new connection, if a pooled one broke before the first byte of the answer. Polls are repeated by their route.
 */
final class ConnectionChooser implements ExecChainHandler {

    private final boolean costly;

    /** Creates a chooser; {@code costly} says whether a POST must not be repeated. */
    ConnectionChooser(boolean costly) {
        this.costly = costly;
    }

    @Override
    public ClassicHttpResponse execute(ClassicHttpRequest request, ExecChain.Scope scope, ExecChain chain) throws IOException, HttpException {
        Header[] headers = request.getHeaders();
        boolean used = acquire(scope, costly && Method.POST.isSame(request.getMethod()));
        try {
            return chain.proceed(request, scope);
        } catch (IOException e) {
            if (!used || costly || !isStale(e, request, scope)) {
                throw e;
            }
            acquire(scope, true);
            // Removes the headers that the first attempt has added.
            request.setHeaders(headers);
            return chain.proceed(request, scope);
        } catch (IllegalStateException e) {
            if (!scope.execRuntime.isExecutionAborted()) {
                throw e;
            }
            // A cancellation took the connection away just before it was used.
            throw new RequestFailedException("the call was cut off", e);
        }
    }

    private static boolean isStale(IOException failure, ClassicHttpRequest request, ExecChain.Scope scope) {
        return !(failure instanceof SocketTimeoutException) && Boolean.TRUE.equals(scope.clientContext.getAttribute(StallTimeoutExecutor.SILENT))
                && !scope.execRuntime.isExecutionAborted() && (request.getEntity() == null || request.getEntity().isRepeatable());
    }

    /** Acquires the connection and returns whether it was used before. */
    private static boolean acquire(ExecChain.Scope scope, boolean fresh) throws IOException {
        ExecRuntime runtime = scope.execRuntime;
        scope.clientContext.removeAttribute(StallTimeoutExecutor.SILENT);
        if (!runtime.isEndpointAcquired()) {
            runtime.acquireEndpoint(scope.exchangeId, scope.route, scope.clientContext.getUserToken(), scope.clientContext);
        }
        if (fresh && runtime.isEndpointConnected()) {
            runtime.disconnectEndpoint();
        }
        return runtime.isEndpointConnected();
    }
}
