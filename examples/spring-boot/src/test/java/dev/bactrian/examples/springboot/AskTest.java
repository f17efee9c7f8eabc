package dev.bactrian.examples.springboot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.EndpointInject;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.component.mock.MockEndpoint;
import org.apache.camel.test.spring.junit5.CamelSpringBootTest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;

/** The application as it is, but for key and endpoint, and with chunks going to a second endpoint, too. */
@CamelSpringBootTest
@SpringBootTest(properties = {"bactrian.upstage.api-key=up_spring", "bactrian.emit.chunk=direct:chunk | mock:chunk"})
class AskTest {

    private static final Simulator SIMULATOR = Simulator.builder().requireToken("up_spring").start();

    @Autowired
    private ProducerTemplate camel;

    @EndpointInject("mock:chunk")
    private MockEndpoint chunks;

    @DynamicPropertySource
    static void useTheSimulator(DynamicPropertyRegistry properties) {
        properties.add("bactrian.upstage.api-endpoint", SIMULATOR::chatUrl);
    }

    @AfterAll
    static void stopTheSimulator() {
        SIMULATOR.close();
    }

    @Test
    void asksAndIsAnswered() throws Exception {
        chunks.expectedMinimumMessageCount(3);

        String answer = camel.requestBody("direct:ask", "Why does a camel have humps?", String.class);

        chunks.assertIsSatisfied();
        assertThat(answer).isEqualTo(String.join("", chunks.getExchanges().stream().map(chunk -> chunk.getMessage().getBody(String.class)).toList()));
        assertThat(SIMULATOR.requests(Call.CHAT)).singleElement().satisfies(request -> {
            assertThat(request.header("Authorization")).isEqualTo("Bearer up_spring");
            assertThat(request.json().at("/messages/0/content").asText()).isEqualTo("Why does a camel have humps?");
        });
    }
}
