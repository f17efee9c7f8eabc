package dev.bactrian.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.CamelContext;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.builder.RouteBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootVersion;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;

/** An application on Spring Boot 4 and Camel 4.22, which are newer than what Bactrian itself is built with. */
@ExtendWith(OutputCaptureExtension.class)
class SpringBoot4Test {

    /** The application: it intercepts what it can, and asks us in each of the ways. */
    @SpringBootApplication
    static class Application {

        @Bean
        RouteBuilder routes() {
            return new RouteBuilder() {
                @Override
                public void configure() {
                    interceptSendToEndpoint("http*").skipSendToOriginalEndpoint().setBody(constant("intercepted"));
                    from("direct:ask").to("direct:generate");
                    from("direct:draw").setHeader("BactrianModel", constant("sd-3")).to("direct:generate");
                    from("direct:kamelet").to("kamelet:upstage-chat-action?model=solar-mini");
                }
            };
        }
    }

    private static ConfigurableApplicationContext start(Simulator simulator, String... more) {
        String[] all = {"--camel.main.routes-include-pattern=classpath:bactrian/*.camel.yaml", "--bactrian.upstage.api-endpoint=" + simulator.chatUrl(),
            "--bactrian.upstage.api-key=up_spring", "--bactrian.replicate.api-endpoint=" + simulator.predictionsUrl(),
            "--bactrian.replicate.poll-endpoint=" + simulator.pollUrl(), "--bactrian.replicate.poll-delay=20ms", "--bactrian.file.enabled=false",
            "--spring.main.banner-mode=off"};
        String[] arguments = new String[all.length + more.length];
        System.arraycopy(all, 0, arguments, 0, all.length);
        System.arraycopy(more, 0, arguments, all.length, more.length);
        return SpringApplication.run(Application.class, arguments);
    }

    @Test
    void isAnsweredOnItsOwnCamel(CapturedOutput output) {
        try (Simulator simulator = Simulator.start(); ConfigurableApplicationContext spring = start(simulator)) {
            ProducerTemplate camel = spring.getBean(ProducerTemplate.class);

            assertThat(spring.getBean(CamelContext.class).getVersion()).startsWith("4.22.");
            assertThat(SpringBootVersion.getVersion()).startsWith("4.");
            assertThat(camel.requestBody("direct:ask", "Why?", String.class)).contains("\"status\":\"succeeded\"", "\"provider\":\"upstage\"");
            assertThat(camel.requestBody("direct:draw", "a camel", String.class)).contains("\"status\":\"succeeded\"", "\"images\":[{\"url\":");
            assertThat(camel.requestBody("direct:kamelet", "Why?", String.class)).contains("\"status\":\"succeeded\"", "\"model\":\"solar-mini\"");
            assertThat(simulator.requests(Call.CHAT)).hasSize(2).extracting((RecordedRequest request) -> request.header("Authorization"))
                    .containsOnly("Bearer up_spring");
            assertThat(output).doesNotContain("Using ReactiveExecutor", "WARN", "ERROR");
        }
    }

    @Test
    void saysWhatIsWrongWithASetting(CapturedOutput output) {
        try (Simulator simulator = Simulator.start()) {
            assertThatThrownBy(() -> start(simulator, "--bactrian.upstage.key=up_1").close())
                    .hasStackTraceContaining("bactrian.upstage.key: no such property");
        }
        assertThat(output.toString().lines()).contains("bactrian.upstage.key: no such property; did you mean bactrian.upstage.api-key?");
        assertThat(output).contains("APPLICATION FAILED TO START").doesNotContain("\tat ");
    }
}
