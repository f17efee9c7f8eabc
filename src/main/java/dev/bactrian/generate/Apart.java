package dev.bactrian.generate;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.request.GenerateRequest;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.WrappedFile;

/**
 * Makes a request's exchange independent of its caller, who goes on: a file or a stream may be gone when it is read, and
 * a map filled anew.
 */
public final class Apart implements Processor, CamelContextAware {

    private CamelContext camelContext;
    private long maxBytes;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        maxBytes = Settings.of(camelContext).bytes(Property.MAX_REQUEST_BYTES);
    }

    @Override
    public void process(Exchange exchange) throws IOException {
        Message message = exchange.getMessage();
        // How often a step of the caller's was tried is not how often a delivery was.
        message.removeHeaders("CamelRedeliver*");
        Object body = message.getBody();
        if (body instanceof Map<?, ?> || body instanceof Collection<?>) {
            message.setBody(copy(body));
        } else if (!(body == null || body instanceof String || body instanceof GenerateRequest)) {
            read(exchange, message, body);
        }
    }

    private static Object copy(Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<Object, Object> copy = new LinkedHashMap<>();
            map.forEach((key, field) -> copy.put(key, copy(field)));
            return copy;
        } else if (value instanceof Collection<?> items) {
            List<Object> copy = new ArrayList<>();
            items.forEach(item -> copy.add(copy(item)));
            return copy;
        }
        return value;
    }

    /** No further than tells that it is too large. */
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

    /** Bytes have no file's name any more. */
    private static void sayFormat(Message message) {
        switch (Intake.format(message)) {
            case JSON -> message.setHeader(Exchange.CONTENT_TYPE, "application/json");
            case TEXT -> message.setHeader(Exchange.CONTENT_TYPE, "text/plain");
            default -> message.removeHeader(Exchange.CONTENT_TYPE);
        }
    }
}
