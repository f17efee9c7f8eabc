package dev.bactrian.routes.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;

import dev.bactrian.error.GenerateException;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.builder.RouteConfigurationBuilder;
import org.apache.camel.main.Main;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A host that intercepts all it can, in configurations of every route and in files of routes, before ours are loaded and
 * after: it sees its own routes, and what they send to our endpoints, and nothing of what goes on behind those.
 */
class HostInterceptorsTest extends RouteTestSupport {

    /** Where the host has its interceptors. */
    enum Kind { JAVA_CONFIGURATION, YAML_CONFIGURATION, JAVA_ROUTES, YAML_ROUTES, YAML_ROUTES_NO_HANDLER, JAVA_ROUTES_LATER }

    private final Set<String> seen = new ConcurrentSkipListSet<>();
    private Kind kind;

    /** Notes what an interceptor sees: which of them, and in which route. */
    public void note(Exchange exchange, String what) {
        Object id = exchange.getProperty(Exchange.INTERCEPTED_ROUTE_ID);
        String endpoint = exchange.getProperty(Exchange.INTERCEPTED_ENDPOINT, "", String.class);
        String at = what.startsWith("send") ? endpoint : id == null ? exchange.getFromRouteId() : id.toString();
        seen.add(what + " " + at.replaceAll("\\?.*", "") + " from " + exchange.getFromRouteId());
    }

    @Override
    protected void configure(Main main) throws Exception {
        main.bind("host", this);
        switch (kind) {
            case JAVA_CONFIGURATION -> main.configure().addRoutesBuilder(new RouteConfigurationBuilder() {
                @Override
                public void configuration() {
                    var all = routeConfiguration();
                    all.errorHandler(defaultErrorHandler().maximumRedeliveries(2).redeliveryDelay(0));
                    all.intercept().bean("host", "note(*, 'step')");
                    all.interceptFrom().bean("host", "note(*, 'from')");
                    all.interceptSendToEndpoint("*").bean("host", "note(*, 'send')");
                    all.onException(Exception.class).handled(false).bean("host", "note(*, 'exception')");
                    all.onCompletion().bean("host", "note(*, 'completion')");
                }
            });
            case YAML_CONFIGURATION -> load(main, """
                    - routeConfiguration:
                        errorHandler:
                          defaultErrorHandler: {}
                        intercept:
                          - intercept: {steps: [{bean: {ref: host, method: "note(*, 'step')"}}]}
                        interceptFrom:
                          - interceptFrom: {steps: [{bean: {ref: host, method: "note(*, 'from')"}}]}
                        interceptSendToEndpoint:
                          - interceptSendToEndpoint: {uri: "http*", steps: [{bean: {ref: host, method: "note(*, 'send')"}}]}
                          - interceptSendToEndpoint: {uri: "direct*", steps: [{bean: {ref: host, method: "note(*, 'send')"}}]}
                        onException:
                          - onException: {exception: [java.lang.Exception], steps: [{bean: {ref: host, method: "note(*, 'exception')"}}]}
                        onCompletion:
                          - onCompletion: {steps: [{bean: {ref: host, method: "note(*, 'completion')"}}]}
                    """);
            case JAVA_ROUTES -> main.configure().addRoutesBuilder(interceptors());
            case YAML_ROUTES, YAML_ROUTES_NO_HANDLER -> load(main, """
                    - errorHandler:
                        %s: {}
                    - onException: {exception: [java.lang.Exception], steps: [{bean: {ref: host, method: "note(*, 'exception')"}}]}
                    - onCompletion: {steps: [{bean: {ref: host, method: "note(*, 'completion')"}}]}
                    - intercept: {steps: [{bean: {ref: host, method: "note(*, 'step')"}}]}
                    - interceptFrom: {steps: [{bean: {ref: host, method: "note(*, 'from')"}}]}
                    - interceptSendToEndpoint: {uri: "http*", steps: [{bean: {ref: host, method: "note(*, 'send')"}}]}
                    - interceptSendToEndpoint: {uri: "direct*", steps: [{bean: {ref: host, method: "note(*, 'send')"}}]}
                    - route:
                        id: host-intercepts
                        from:
                          uri: direct:host-intercepts
                          steps:
                            - to: {uri: "direct:generate"}
                    """.formatted(kind == Kind.YAML_ROUTES ? "defaultErrorHandler" : "noErrorHandler"));
            default -> { }
        }
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:host-asks").routeId("host-asks").to("direct:generate");
                from("direct:host-stream").routeId("host-stream").to("direct:generate-stream").split(body()).streaming().log("${body}").end();
                from("direct:host-sink").routeId("host-sink").to("direct:generate-and-emit");
                from("direct:host-kamelet").routeId("host-kamelet").to("kamelet:upstage-chat-action/host");
            }
        });
    }

    private void load(Main main, String yaml) throws Exception {
        Files.writeString(folder.resolve("host.camel.yaml"), yaml, StandardCharsets.UTF_8);
        main.configure().setRoutesIncludePattern("file:" + folder.resolve("host.camel.yaml") + ",classpath:bactrian/*.camel.yaml");
    }

    private static RouteBuilder interceptors() {
        return new RouteBuilder() {
            @Override
            public void configure() {
                onException(Exception.class).handled(false).bean("host", "note(*, 'exception')");
                onCompletion().bean("host", "note(*, 'completion')");
                intercept().bean("host", "note(*, 'step')");
                interceptFrom().bean("host", "note(*, 'from')");
                interceptSendToEndpoint("http*").skipSendToOriginalEndpoint().bean("host", "note(*, 'send')");
                interceptSendToEndpoint("*").bean("host", "note(*, 'send')");
                from("direct:host-intercepts").routeId("host-intercepts").to("direct:generate");
            }
        };
    }

    private Exchange asks(String route, String body) {
        return template().request("direct:" + route, exchange -> exchange.getMessage().setBody(body));
    }

    @ParameterizedTest
    @EnumSource
    void interceptorsSeeTheCallAndNoneOfOurSteps(Kind kind) throws Exception {
        this.kind = kind;
        start();
        if (kind == Kind.JAVA_ROUTES_LATER) {
            context().addRoutes(interceptors());
        }
        simulator.on(Call.CHAT, Reply.status(503), Reply.stream("a", "b"), Reply.stream("c"), Reply.stream("d"), Reply.json(400, "{}"), Reply.stream("e"));

        assertThat(asks("host-asks", "hi").getMessage().getBody(String.class)).contains("\"text\":\"ab\"");
        assertThat(asks("host-stream", "hi").getException()).isNull();
        assertThat(asks("host-kamelet", "hi").getMessage().getBody(String.class)).contains("\"text\":\"d\"");
        assertThat(asks("host-asks", "hi").getException()).isInstanceOf(GenerateException.class).hasMessageStartingWith("provider-rejected");
        assertThat(asks("host-asks", "{\"model\": \"gemma-2b\", \"prompt\": \"p\"}").getMessage().getBody(String.class)).contains("succeeded");
        assertThat(asks("host-sink", "hi").getException()).isNull();
        await().until(() -> !captured.results.isEmpty());

        assertThat(captured.results.remove().json().path("text").asText()).isEqualTo("e");
        assertThat(takeChunks()).startsWith("a|b|c|d|").endsWith("|e");
        assertThat(simulator.count(Call.CHAT)).isEqualTo(6);
        assertThat(seen).as("what the host sees of us").noneMatch(what -> what.matches("\\w+ (.*bactrian.*|http:.*) from .*"));
        if (kind != Kind.JAVA_ROUTES_LATER) {
            assertThat(seen).as("what it sees of its own").contains("send direct://host-asks from null");
        }
        if (kind == Kind.JAVA_CONFIGURATION || kind == Kind.YAML_CONFIGURATION) {
            assertThat(seen).contains("from host-asks from host-asks", "step host-asks from host-asks", "exception host-asks from host-asks",
                    "send direct://generate from host-asks");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"JAVA_CONFIGURATION", "JAVA_ROUTES"})
    void interceptorsSeeNothingOfTheQueue(Kind kind) throws Exception {
        this.kind = kind;
        start("bactrian.jms.enabled", "true");

        template().sendBody("jms:queue:bactrian.requests", "{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}");
        await().until(() -> !captured.results.isEmpty());

        assertThat(captured.results.remove().json().path("status").asText()).isEqualTo("succeeded");
        assertThat(simulator.count(Call.CREATE)).isOne();
        assertThat(seen).noneMatch(what -> what.matches("\\w+ (.*bactrian(?!\\.requests).*|http:.*) from .*"));
    }
}
