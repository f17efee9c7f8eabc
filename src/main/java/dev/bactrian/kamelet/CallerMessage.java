package dev.bactrian.kamelet;

import java.util.LinkedHashMap;
import java.util.Map;

import dev.bactrian.core.Steps;
import dev.bactrian.emit.ChunkStream;
import dev.bactrian.emit.StreamBridge;
import dev.bactrian.generate.Account;
import dev.bactrian.generate.Headers;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangePropertyKey;
import org.apache.camel.Message;

/**
 * The message and variables of a Kamelet's caller: keeps them while a request is processed, and restores what the caller must find again.
 * It has no state, so one bean of an application serves all Kamelets.
 */
final class CallerMessage {

    private static final String BEAN = "bactrianKamelet";
    private static final String KEPT = "bactrianKept";

    /** The caller's original message and variables, and an exception that the caller had caught before, or null. */
    private record Kept(Object body, Map<String, Object> headers, Object account, Object keepText, Object caught) {
    }

    private CallerMessage() {
    }

    /** Adds the bean and its steps to an application, once. The first step of a Kamelet does so when it is created; the later steps need it. */
    static synchronized void addTo(CamelContext context) {
        if (context.getRegistry().lookupByName(BEAN) == null) {
            context.getRegistry().bind(BEAN, new CallerMessage());
            Steps.of(context, BEAN, CallerMessage.class).step("release", CallerMessage::release).step("result", CallerMessage::result)
                    .step("leave", CallerMessage::leave);
        }
    }

    /** Keeps the caller's message and variables, and sets the account for the following calls. */
    static void keep(Exchange exchange, Account account) {
        Message message = exchange.getMessage();
        exchange.setProperty(KEPT, new Kept(message.getBody(), new LinkedHashMap<>(message.getHeaders()),
                exchange.getVariable(Account.VARIABLE), exchange.getVariable(StreamBridge.KEEP_TEXT),
                exchange.getProperty(ExchangePropertyKey.EXCEPTION_CAUGHT)));
        exchange.setVariable(Account.VARIABLE, account);
        exchange.setVariable(StreamBridge.KEEP_TEXT, true);
    }

    /** Restores the caller's variables of the same names. */
    void release(Exchange exchange) {
        Kept kept = exchange.getProperty(KEPT, Kept.class);
        put(exchange, Account.VARIABLE, kept.account());
        put(exchange, StreamBridge.KEEP_TEXT, kept.keepText());
    }

    private static void put(Exchange exchange, String variable, Object value) {
        if (value == null) {
            exchange.removeVariable(variable);
        } else {
            exchange.setVariable(variable, value);
        }
    }

    /** Replaces the stream in the body by its result document. */
    void result(Exchange exchange) {
        Message message = exchange.getMessage();
        String document = message.getBody(ChunkStream.class).document();
        message.setBody(document);
        message.setHeader(Headers.STATUS, "succeeded");
        if (message.getHeader(Headers.KIND) == null) {
            // The catalogue does not know the model; the result says the kind.
            ProviderJson.json(document).map(json -> json.path("kind").textValue()).ifPresent(kind -> message.setHeader(Headers.KIND, kind));
        }
    }

    /** Ends the steps. If the request has failed, restores the caller's message, so that only the exception is left. */
    void leave(Exchange exchange) {
        Kept kept = exchange.getProperty(KEPT, Kept.class);
        if (kept == null) {
            return;
        }
        release(exchange);
        exchange.removeProperty(KEPT);
        // If the caller had caught an exception before it called the Kamelet, that exception is still set.
        if (exchange.getProperty(ExchangePropertyKey.EXCEPTION_CAUGHT) != kept.caught()) {
            exchange.getMessage().setBody(kept.body());
            exchange.getMessage().setHeaders(kept.headers());
        }
    }
}
