package dev.bactrian.http;

import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.UnknownHostException;

import org.apache.hc.client5.http.ConnectTimeoutException;
import org.apache.hc.client5.http.classic.ExecChain;
import org.apache.hc.client5.http.classic.ExecChainHandler;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.HttpStatus;
import org.apache.hc.core5.http.protocol.HttpContext;

/** Tells the answers and failures of a proxy from those of the provider behind it. */
final class Proxied implements ExecChainHandler {

    private static final String NAME = Proxied.class.getName() + ".name";
    private static final String ANSWER = Proxied.class.getName() + ".answer";

    private final HttpHost proxy;

    Proxied(HttpHost proxy) {
        this.proxy = proxy;
    }

    @Override
    public ClassicHttpResponse execute(ClassicHttpRequest request, ExecChain.Scope scope, ExecChain chain) throws IOException, HttpException {
        scope.clientContext.setAttribute(NAME, proxy.toHostString());
        ClassicHttpResponse response;
        try {
            response = chain.proceed(request, scope);
        } catch (ProxyException e) {
            throw e;
        } catch (ConnectException | ConnectTimeoutException | NoRouteToHostException | UnknownHostException e) {
            throw e instanceof HandshakeException ? e : new ProxyException(proxy.toHostString(), "could not be reached: " + HttpFailures.detail(e), e);
        }
        boolean refused = scope.clientContext.getAttribute(ANSWER) instanceof Integer status && status != HttpStatus.SC_OK;
        if (refused || !scope.route.isTunnelled() && response.getCode() == HttpStatus.SC_PROXY_AUTHENTICATION_REQUIRED) {
            response.close();
            scope.execRuntime.discardEndpoint();
            throw ProxyException.answered(proxy.toHostString(), response.getCode(), refused);
        }
        return response;
    }

    /** Returns host and port of the proxy that the call uses, or null. */
    static String name(HttpContext context) {
        return (String) context.getAttribute(NAME);
    }

    /** Records the status with which the proxy answered CONNECT. */
    static void answered(HttpContext context, int status) {
        context.setAttribute(ANSWER, status);
    }
}
