package dev.bactrian.http;

import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.core.Provider;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.error.NotAcceptedException;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.ProviderJson;
import dev.bactrian.threads.Descriptors;
import org.apache.camel.http.base.HttpOperationFailedException;
import org.apache.hc.client5.http.ConnectTimeoutException;
import org.apache.hc.client5.http.impl.classic.RequestFailedException;
import org.apache.hc.core5.http.ConnectionRequestTimeoutException;
import org.apache.hc.core5.util.DeadlineTimeoutException;

/** Maps the HTTP answers of providers, and missing answers, to error types, and says which calls may be repeated. */
public final class HttpFailures {

    /** Parts of error codes and types; the first match wins. */
    private static final Map<String, ErrorType> TYPES = new LinkedHashMap<>();

    static {
        List.of("rate_limit", "ratelimit", "rate limit", "too_many", "toomany", "too many", "throttl", "resource_exhausted")
                .forEach(word -> TYPES.put(word, ErrorType.RATE_LIMITED));
        List.of("api_key", "apikey", "api key", "auth", "permission", "forbidden", "credit", "billing", "payment", "quota", "suspended")
                .forEach(word -> TYPES.put(word, ErrorType.AUTHENTICATION));
        List.of("unavailable", "overload", "server_error", "servererror", "internal", "timeout", "timed_out", "upstream", "gateway")
                .forEach(word -> TYPES.put(word, ErrorType.PROVIDER_UNAVAILABLE));
        List.of("invalid", "bad_request", "badrequest", "bad request", "not_found", "notfound", "not found", "unsupported", "context_length",
                "validation", "content_policy", "content_filter", "unprocessable", "too_large", "too_long")
                .forEach(word -> TYPES.put(word, ErrorType.PROVIDER_REJECTED));
    }

    /** In the code or type of a 403: it is about the key or its account. */
    private static final Pattern OF_THE_KEY = Pattern.compile("api.?key|credit|billing|payment|quota|suspend|account|balance|deactivat");
    private static final Pattern KEY_IN_WORDS = Pattern.compile(OF_THE_KEY.pattern() + "|\\b(key|token|organi[sz]ation|project|subscription)\\b");

    private HttpFailures() {
    }

    /**
     * Returns the failure for the exception of a call.
     *
     * @param attempts how often the call was made
     */
    public static GenerationFailure of(Throwable cause, Provider provider, int attempts) {
        if (cause instanceof GenerationFailure failure) {
            return new GenerationFailure(failure.type(), failure.getMessage(), failure.httpStatus(), attempts, failure.retryable(), cause);
        }
        if (cause instanceof NotAcceptedException) {
            Integer status = cause.getCause() instanceof HttpOperationFailedException http ? Integer.valueOf(http.getStatusCode()) : null;
            return new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, cause.getMessage(), status, attempts, true, cause);
        }
        if (cause instanceof HttpOperationFailedException http) {
            int status = http.getStatusCode();
            String said = ProviderJson.message(http.getResponseBody()).map(message -> ": " + message).orElse("");
            return new GenerationFailure(type(status), provider.name() + " answered " + status + said, status, attempts,
                    mayRepeat(cause, provider) || !provider.isPolled() && isPassing(status), cause);
        }
        Integer status = cause instanceof ProxyException proxy && proxy.wantsCredentials() ? Integer.valueOf(407) : null;
        boolean retryable = mayRepeat(cause, provider)
                || !provider.isPolled() && cause instanceof IOException && !(cause instanceof CertificateFaultException);
        return new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, provider.name() + " " + problem(cause), status, attempts, retryable, cause);
    }

    /**
     * Returns the failure for a body that came with status 200 but is no answer: an error, a page, or nothing.
     *
     * @param body the body, without any secret
     */
    public static GenerationFailure inPlaceOfAnAnswer(String body, String provider) {
        Optional<JsonNode> json = ProviderJson.json(body).map(node -> node.isArray() && node.size() > 0 ? node.get(0) : node);
        ErrorType type = json.map(HttpFailures::type).orElse(ErrorType.PROVIDER_UNAVAILABLE);
        String said = body.stripLeading().startsWith("<") ? " with a page" + ProviderJson.title(body).map(title -> ": " + title).orElse("")
                : ProviderJson.message(body).map(message -> ": " + message).orElse(json.isPresent()
                        ? " with JSON that is no answer: " + OneLine.of(body) : " with half a document");
        return new GenerationFailure(type, provider + " answered 200" + said, 200, 1,
                type == ErrorType.PROVIDER_UNAVAILABLE || type == ErrorType.RATE_LIMITED, null);
    }

    /** Returns the type of an error that only a body reports, by its code, type or status. */
    private static ErrorType type(JsonNode body) {
        JsonNode error = body.path("error");
        for (String field : new String[] {"code", "status", "status_code", "type"}) {
            for (JsonNode code : List.of(error.path(field), body.path(field))) {
                int status = code.asInt();
                if (status >= 400 && status < 600) {
                    return type(status);
                }
                Optional<ErrorType> known = type(code.asText());
                if (known.isPresent()) {
                    return known.get();
                }
            }
        }
        return type(error.asText()).orElse(ErrorType.PROVIDER_UNAVAILABLE);
    }

    private static Optional<ErrorType> type(String code) {
        String word = code.toLowerCase(Locale.ROOT);
        return TYPES.entrySet().stream().filter(known -> word.contains(known.getKey())).map(Map.Entry::getValue).findFirst();
    }

    /** Whether the status means a temporary problem. Gateways answer 520 to 529 when a service is down for a while. */
    private static boolean isPassing(int status) {
        return status == 500 || status >= 520 && status <= 529;
    }

    private static ErrorType type(int status) {
        if (status == 401 || status == 402 || status == 403) {
            return ErrorType.AUTHENTICATION;
        } else if (status == 429) {
            return ErrorType.RATE_LIMITED;
        }
        return status >= 500 ? ErrorType.PROVIDER_UNAVAILABLE : ErrorType.PROVIDER_REJECTED;
    }

    /**
     * Whether a 403 is about the key or its account, and not about a model that the key may not use.
     *
     * @param body the body of the answer, or null. Its code decides, else its words; without either, it is not about the key
     */
    public static boolean isAboutTheKey(String body) {
        StringBuilder codes = new StringBuilder();
        ProviderJson.json(body == null ? "" : body).ifPresent(json -> {
            for (String field : new String[] {"code", "type", "title"}) {
                codes.append(json.path("error").path(field).asText()).append(' ').append(json.path(field).asText()).append(' ');
            }
        });
        String code = codes.toString().toLowerCase(Locale.ROOT);
        if (OF_THE_KEY.matcher(code).find()) {
            return true;
        }
        String words = ProviderJson.message(body).orElse("").toLowerCase(Locale.ROOT);
        return !code.contains("model") && !words.contains("model") && KEY_IN_WORDS.matcher(words).find();
    }

    private static String problem(Throwable cause) {
        if (notConnected(cause) || cause instanceof CertificateFaultException) {
            return "could not be reached: " + detail(cause instanceof RequestFailedException ? cause.getCause() : cause);
        } else if (cause instanceof ResponseTooLargeException) {
            return "sent too much: " + cause.getMessage();
        } else if (cause instanceof SocketTimeoutException) {
            return "did not answer in time: " + detail(cause);
        }
        return "did not answer: " + detail(cause);
    }

    /** Returns the message of the exception on one line, or the name of its class if it has no message. */
    static String detail(Throwable cause) {
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : OneLine.of(cause.getMessage());
    }

    /** Whether the provider refused a call because of a rate limit. */
    public static boolean isRefused(Throwable cause) {
        return cause instanceof HttpOperationFailedException http && http.getStatusCode() == 429;
    }

    /** Whether a failed create or chat call may be repeated without paying twice. */
    public static boolean mayRepeat(Throwable cause, Provider provider) {
        if (cause instanceof HttpOperationFailedException http) {
            int status = http.getStatusCode();
            return status == 429 || !provider.isPolled() && (status == 408 || status >= 502 && status <= 504);
        }
        return cause instanceof NotAcceptedException || notConnected(cause);
    }

    /**
     * Whether a create that was not answered properly may still have been accepted. Not so if the provider refused it, could not be
     * reached, or the application stopped before the call. An answer that is no prediction is a {@link GenerationFailure} without a
     * cause.
     */
    public static boolean mayBeAccepted(Throwable cause, Provider provider) {
        if (cause instanceof HttpOperationFailedException http) {
            return http.getStatusCode() >= 500;
        }
        boolean unreadable = cause instanceof GenerationFailure failure && failure.type() == ErrorType.PROVIDER_UNAVAILABLE
                && failure.httpStatus() != null && failure.getCause() == null;
        return (unreadable || cause instanceof IOException) && !mayRepeat(cause, provider) && !(cause instanceof CertificateFaultException);
    }

    /** Whether a failed poll may be repeated. A poll costs nothing, and one that comes too early finds no prediction (404). */
    public static boolean mayPollAgain(Throwable cause) {
        if (cause instanceof HttpOperationFailedException http) {
            int status = http.getStatusCode();
            return status == 404 || status == 408 || status == 429 || status >= 500;
        }
        return !(cause instanceof ResponseTooLargeException);
    }

    private static boolean notConnected(Throwable cause) {
        // Exhausted descriptors only count in a SocketException: no call was made then. When the stream cache cannot open a file, the
        // answer has already been paid for.
        return cause instanceof SocketException && Descriptors.areExhausted(cause) || cause instanceof ConnectException || cause instanceof UnknownHostException
                || cause instanceof NoRouteToHostException || cause instanceof ConnectTimeoutException || isWithoutConnection(cause);
    }

    /** Whether no connection became free in time. The pool throws the second one if it notices that first. */
    private static boolean isWithoutConnection(Throwable cause) {
        return cause instanceof ConnectionRequestTimeoutException
                || cause instanceof RequestFailedException && cause.getCause() instanceof DeadlineTimeoutException;
    }

    /** Returns the headers of an error answer; empty if there is no answer. */
    public static Map<String, String> headers(Throwable cause) {
        return cause instanceof HttpOperationFailedException http && http.getResponseHeaders() != null ? http.getResponseHeaders() : Map.of();
    }

    /** Returns the body of an error answer, or null. */
    public static String body(Throwable cause) {
        return cause instanceof HttpOperationFailedException http ? http.getResponseBody() : null;
    }
}
