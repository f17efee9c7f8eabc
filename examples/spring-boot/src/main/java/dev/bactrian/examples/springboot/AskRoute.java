package dev.bactrian.examples.springboot;

import org.apache.camel.builder.RouteBuilder;
import org.springframework.stereotype.Component;

/** The application's own routes: a question goes in, the text of the answer comes out, its chunks are logged. */
@Component
public class AskRoute extends RouteBuilder {

    @Override
    public void configure() {
        from("direct:ask").routeId("ask")
                .to("direct:generate")
                .unmarshal().json()
                .setBody(simple("${body[text]}"));

        from("direct:chunk").routeId("chunk")
                .log("${header.BactrianChunkIndex}: ${body}");
    }
}
