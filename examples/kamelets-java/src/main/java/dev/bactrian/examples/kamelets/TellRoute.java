package dev.bactrian.examples.kamelets;

import org.apache.camel.builder.RouteBuilder;

/** A text chunk by chunk, then a picture of it: two Kamelets, and none of Bactrian's routes is included by name. */
public class TellRoute extends RouteBuilder {

    @Override
    public void configure() {
        from("timer:once?repeatCount=1").routeId("once")
                .setBody(constant("Describe a camel in a sentence."))
                .to("direct:tell");

        from("direct:tell").routeId("tell")
                .kamelet("upstage-chat-action?model=solar-mini")
                    .to("{{tell.chunks}}")
                .end()
                .unmarshal().json()
                .setBody(simple("${body[text]}"))
                .to("kamelet:replicate-image-action?model=sd-3")
                .log("${body}");
    }
}
