package dev.bactrian.http;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.ScheduledExecutorService;

import org.apache.hc.client5.http.protocol.HttpClientContext;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpStatus;
import org.apache.hc.core5.http.Method;
import org.apache.hc.core5.http.impl.io.HttpRequestExecutor;
import org.apache.hc.core5.http.io.HttpClientConnection;
import org.apache.hc.core5.http.io.HttpResponseInformationCallback;
import org.apache.hc.core5.http.io.entity.ByteArrayEntity;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.io.CloseMode;
import org.apache.hc.core5.util.Timeout;

/**
 * Executes one call on one connection. {@code bactrian.response-timeout} limits first the sending of the request, then the time until
 * the head of the answer, including interim answers. Then {@code bactrian.stall-timeout} limits the time between two reads of the body.
 */
public final class StallTimeoutExecutor extends HttpRequestExecutor {

    /** The context attribute that holds the connection of the answer. */
    static final String CONNECTION = StallTimeoutExecutor.class.getName() + ".connection";
    /** The context attribute that is true if the call failed, before any deadline, without a byte of the answer. */
    static final String SILENT = StallTimeoutExecutor.class.getName() + ".silent";

    private static final Timeout GLANCE = Timeout.ofMilliseconds(1);
    private static final int MOST_OF_A_REFUSAL = 64 * 1024;

    private final Timeout stall;
    private final DeadlineClock clock;

    /**
     * Creates an executor.
     *
     * @param stall the longest time between two reads
     * @param clock runs the deadlines
     */
    public StallTimeoutExecutor(Timeout stall, ScheduledExecutorService clock) {
        this.stall = stall;
        this.clock = new DeadlineClock(clock);
    }

    @Override
    public ClassicHttpResponse execute(ClassicHttpRequest request, HttpClientConnection connection,
            HttpResponseInformationCallback information, HttpContext context) throws IOException, HttpException {
        boolean tunnel = Method.CONNECT.isSame(request.getMethod());
        String proxy = Proxied.name(context);
        try {
            ClassicHttpResponse response = inTime(request, connection, information, context);
            if (tunnel) {
                Proxied.answered(context, response.getCode());
            }
            if (tunnel && response.getCode() == HttpStatus.SC_OK && connection.isDataAvailable(GLANCE)) {
                throw new ProxyException(proxy, "sent something before the tunnel's other end was asked");
            }
            connection.setSocketTimeout(stall);
            context.setAttribute(CONNECTION, connection);
            return response;
        } catch (ProxyException e) {
            throw e;
        } catch (IOException | HttpException e) {
            if (tunnel) {
                throw new ProxyException(proxy, "did not answer CONNECT: " + HttpFailures.detail(e), e);
            }
            throw e;
        }
    }

    private ClassicHttpResponse inTime(ClassicHttpRequest request, HttpClientConnection connection,
            HttpResponseInformationCallback information, HttpContext context) throws IOException, HttpException {
        Timeout timeout = HttpClientContext.cast(context).getRequestConfigOrDefault().getResponseTimeout();
        Duration most = timeout == null ? Duration.ZERO : timeout.toDuration();
        Deadline deadline = new Deadline(clock, () -> connection.close(CloseMode.IMMEDIATE));
        NonLoggingConnection line = (NonLoggingConnection) connection;
        long before = line.received();
        context.removeAttribute(SILENT);
        line.onSent(() -> deadline.within(most, "timed out: no answer within " + most.toMillis() + " ms"));
        deadline.within(most, "timed out: the request could not be sent within " + most.toMillis() + " ms");
        try {
            ClassicHttpResponse response = super.execute(request, connection, information, context);
            if (response.getEntity() != null && isReadByTheClient(request, response)) {
                response.setEntity(whole(response.getEntity()));
            }
            if (!deadline.stop()) {
                deadline.demand();
            }
            return response;
        } catch (IOException e) {
            if (deadline.stop()) {
                context.setAttribute(SILENT, line.received() == before);
            }
            throw Tls.meaning(deadline.meaning(e));
        } finally {
            deadline.stop();
        }
    }

    /** Whether HttpClient itself reads the body: that of a proxy's refusal, to its end and without a time limit. */
    private static boolean isReadByTheClient(ClassicHttpRequest request, ClassicHttpResponse response) {
        return response.getCode() == HttpStatus.SC_PROXY_AUTHENTICATION_REQUIRED || Method.CONNECT.isSame(request.getMethod());
    }

    private static HttpEntity whole(HttpEntity entity) throws IOException {
        try (InputStream content = entity.getContent()) {
            byte[] body = content.readNBytes(MOST_OF_A_REFUSAL);
            if (content.read() >= 0) {
                throw new IOException("a refusal of more than " + MOST_OF_A_REFUSAL + " bytes");
            }
            return new ByteArrayEntity(body, ContentType.parseLenient(entity.getContentType()));
        }
    }
}
