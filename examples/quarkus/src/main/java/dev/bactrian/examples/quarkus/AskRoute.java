package dev.bactrian.examples.quarkus;

import org.apache.camel.builder.RouteBuilder;

/** The application's own routes: a question goes in, the text of the answer comes out, its chunks are logged. */
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
