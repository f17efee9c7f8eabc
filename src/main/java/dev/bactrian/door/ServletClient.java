package dev.bactrian.door;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Collections;
import java.util.List;
import java.util.Map;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** A client of a servlet container, which tells of a client that goes away only when something is written to it. */
final class ServletClient implements Client {

    private final HttpServletRequest request;
    private final HttpServletResponse response;
    private boolean gone;
    private Runnable task;

    ServletClient(Message message) {
        request = message.getHeader(Exchange.HTTP_SERVLET_REQUEST, HttpServletRequest.class);
        response = message.getHeader(Exchange.HTTP_SERVLET_RESPONSE, HttpServletResponse.class);
    }

    @Override
    public String header(String name) {
        List<String> values = Collections.list(request.getHeaders(name));
        return values.isEmpty() ? null : String.join(", ", values);
    }

    @Override
    public String field(String name) {
        return request.getParameter(name);
    }

    @Override
    public String method() {
        return request.getMethod();
    }

    @Override
    public boolean isOnLoopback() {
        try {
            return InetAddress.getByName(request.getLocalAddr()).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }

    @Override
    public void begin(int status, Map<String, String> headers) {
        response.setStatus(status);
        headers.forEach(response::setHeader);
    }

    @Override
    public boolean write(byte[] bytes) {
        Runnable run;
        synchronized (this) {
            if (gone) {
                return false;
            }
            try {
                response.getOutputStream().write(bytes);
                response.flushBuffer();
                return true;
            } catch (IOException e) {
                gone = true;
                run = task;
            }
        }
        if (run != null) {
            run.run();
        }
        return false;
    }

    @Override
    public boolean isBehind() {
        return false;
    }

    /** {@inheritDoc} The container ends the response when the exchange is done. */
    @Override
    public void end() {
        write(new byte[0]);
    }

    @Override
    public synchronized void onGone(Runnable run) {
        task = run;
    }
}
