package dev.bactrian.http;

import java.io.IOException;
import java.net.SocketTimeoutException;

import org.apache.hc.client5.http.classic.ExecChain;
import org.apache.hc.client5.http.classic.ExecChainHandler;
import org.apache.hc.client5.http.classic.ExecRuntime;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.Method;

/**
 * Chooses the connection of a call. The other side may close one of the pool at any moment, also between our check of it
 * and the request. So a POST that must not be made twice gets a new one; any that may is made again at once, on a new one,
 * where one of the pool broke off before a byte of the answer came. Polls are made again anyway.
 */
final class ConnectionChooser implements ExecChainHandler {

    private final boolean costly;

    /** {@code costly}: whether a POST must not be made twice. */
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
            // Without those that the first try has put on.
            request.setHeaders(headers);
            return chain.proceed(request, scope);
        }
    }

    private static boolean isStale(IOException failure, ClassicHttpRequest request, ExecChain.Scope scope) {
        return !(failure instanceof SocketTimeoutException) && Boolean.TRUE.equals(scope.clientContext.getAttribute(StallTimeoutExecutor.SILENT))
                && !scope.execRuntime.isExecutionAborted() && (request.getEntity() == null || request.getEntity().isRepeatable());
    }

    /** Whether the call has got a connection that has been used before. */
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
