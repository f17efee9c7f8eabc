package dev.bactrian.generate;

import java.util.Map;

import dev.bactrian.request.GenerateRequest;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;

/** Makes a request's exchange independent of its caller, who goes on: a file or a stream may be gone when it is read. */
public final class Apart implements Processor {

    @Override
    public void process(Exchange exchange) {
        Message message = exchange.getMessage();
        Object body = message.getBody();
        if (!(body instanceof String || body instanceof Map<?, ?> || body instanceof GenerateRequest)) {
            byte[] bytes = message.getBody(byte[].class);
            if (bytes != null) {
                message.setBody(bytes);
            }
        }
    }
}
