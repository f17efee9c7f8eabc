package dev.bactrian.http;

import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.Map;

import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.model.Provider;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.apache.hc.client5.http.ConnectTimeoutException;
import org.apache.hc.core5.http.ConnectionRequestTimeoutException;

/** The one place where a provider's HTTP answer, or its absence, becomes an error type, and where it is said what may be repeated. */
public final class HttpFailures {

    private HttpFailures() {
    }

    /**
     * The failure that a call's exception stands for.
     *
     * @param attempts how often the call was made
     */
    public static GenerationFailure of(Throwable cause, Provider provider, int attempts) {
        if (cause instanceof GenerationFailure failure) {
            return new GenerationFailure(failure.type(), failure.getMessage(), failure.httpStatus(), attempts, failure.retryable(), cause);
        }
        if (cause instanceof HttpOperationFailedException http) {
            int status = http.getStatusCode();
            String said = Answers.message(http.getResponseBody()).map(message -> ": " + message).orElse("");
            return new GenerationFailure(type(status), provider + " answered " + status + said, status, attempts,
                    mayRepeat(cause, provider), cause);
        }
        Integer status = cause instanceof ProxyException proxy && proxy.wantsCredentials() ? Integer.valueOf(407) : null;
        boolean retryable = mayRepeat(cause, provider)
                || provider == Provider.UPSTAGE && cause instanceof IOException && !(cause instanceof CertificateFaultException);
        return new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, provider + " " + problem(cause), status, attempts, retryable, cause);
    }

    private static ErrorType type(int status) {
        if (status == 401 || status == 402 || status == 403) {
            return ErrorType.AUTHENTICATION;
        } else if (status == 429) {
            return ErrorType.RATE_LIMITED;
        }
        return status >= 500 ? ErrorType.PROVIDER_UNAVAILABLE : ErrorType.PROVIDER_REJECTED;
    }

    private static String problem(Throwable cause) {
        if (notConnected(cause) || cause instanceof CertificateFaultException) {
            return "could not be reached: " + detail(cause);
        } else if (cause instanceof ResponseTooLargeException) {
            return "sent too much: " + cause.getMessage();
        } else if (cause instanceof SocketTimeoutException) {
            return "did not answer in time: " + detail(cause);
        }
        return "did not answer: " + detail(cause);
    }

    /** What an exception says, on one line. */
    static String detail(Throwable cause) {
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : Answers.oneLine(cause.getMessage());
    }

    /** Whether a call was refused because a limit is used up. */
    public static boolean isRefused(Throwable cause) {
        return cause instanceof HttpOperationFailedException http && http.getStatusCode() == 429;
    }

    /** Whether a create or chat call that failed so may be made again: nothing can have been paid for. */
    public static boolean mayRepeat(Throwable cause, Provider provider) {
        if (cause instanceof HttpOperationFailedException http) {
            int status = http.getStatusCode();
            return status == 429 || provider == Provider.UPSTAGE && (status == 408 || status >= 502 && status <= 504);
        }
        return notConnected(cause);
    }

    /** Whether a look that failed so may be made again: a look costs nothing, a look too early finds no prediction. */
    public static boolean mayLookAgain(Throwable cause) {
        if (cause instanceof HttpOperationFailedException http) {
            int status = http.getStatusCode();
            return status == 404 || status == 408 || status == 429 || status >= 500;
        }
        return !(cause instanceof ResponseTooLargeException);
    }

    private static boolean notConnected(Throwable cause) {
        return cause instanceof ConnectException || cause instanceof UnknownHostException
                || cause instanceof NoRouteToHostException || cause instanceof ConnectTimeoutException
                || cause instanceof ConnectionRequestTimeoutException;
    }

    /** The headers of an error answer. */
    public static Map<String, String> headers(Throwable cause) {
        return cause instanceof HttpOperationFailedException http && http.getResponseHeaders() != null ? http.getResponseHeaders() : Map.of();
    }

    /** The body of an error answer, or null. */
    public static String body(Throwable cause) {
        return cause instanceof HttpOperationFailedException http ? http.getResponseBody() : null;
    }
}
