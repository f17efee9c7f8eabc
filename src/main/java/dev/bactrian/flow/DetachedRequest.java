package dev.bactrian.flow;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Job;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.request.RequestReader;
import dev.bactrian.threads.Descriptors;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.WrappedFile;

/**
 * Makes a request's exchange independent of its caller, which continues meanwhile and may delete a file, close a stream or change a map.
 */
public final class DetachedRequest implements Processor, CamelContextAware {

    private CamelContext camelContext;
    private RequestReader reader;
    private long maxBytes;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        maxBytes = Settings.of(camelContext).bytes(Property.MAX_REQUEST_BYTES);
        reader = new RequestReader(maxBytes);
    }

    @Override
    public void process(Exchange exchange) throws IOException {
        Message message = exchange.getMessage();
        // The caller's redelivery count is not that of our steps.
        message.removeHeaders("CamelRedeliver*");
        // The caller may itself process another request, whose job must not be used.
        Trigger trigger = Job.of(exchange) == null ? Trigger.of(exchange) : Trigger.NONE;
        trigger.detach().set(exchange);
        exchange.removeVariable(Job.VARIABLE);
        Object body = message.getBody();
        try {
            if (body instanceof Map<?, ?> map) {
                message.setBody(reader.read(map));
            } else if (body instanceof JsonNode json) {
                message.setBody(reader.read(json));
            } else if (!(body == null || body instanceof String || body instanceof GenerateRequest)) {
                read(exchange, message, body);
            }
        } catch (GenerationFailure e) {
            message.setBody(new Unreadable(e));
        } catch (IOException | RuntimeException | StackOverflowError e) {
            if (Descriptors.areExhausted(e)) {
                throw e;
            }
            message.setBody(new Unreadable(Unreadable.because(e)));
        }
    }

    /** Reads at most one byte more than the allowed size, which is enough to detect a body that is too large. */
    private void read(Exchange exchange, Message message, Object body) throws IOException {
        try (InputStream stream = camelContext.getTypeConverter().tryConvertTo(InputStream.class, exchange, body)) {
            if (stream == null) {
                return;
            }
            if (body instanceof WrappedFile<?>) {
                sayFormat(message);
            }
            message.setBody(stream.readNBytes((int) Math.min(maxBytes + 1, Integer.MAX_VALUE - 8)));
        }
    }

    /** Replaces the file name, which a byte array does not have, by a content type. */
    private static void sayFormat(Message message) {
        switch (Requests.format(message)) {
            case JSON -> message.setHeader(Exchange.CONTENT_TYPE, "application/json");
            case TEXT -> message.setHeader(Exchange.CONTENT_TYPE, "text/plain");
            default -> message.removeHeader(Exchange.CONTENT_TYPE);
        }
    }
}
