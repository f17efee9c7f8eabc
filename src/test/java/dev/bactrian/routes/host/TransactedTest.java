package dev.bactrian.routes.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import jakarta.jms.JMSContext;
import org.apache.activemq.artemis.api.core.QueueConfiguration;
import org.apache.activemq.artemis.api.core.RoutingType;
import org.apache.activemq.artemis.api.core.SimpleString;
import org.apache.activemq.artemis.core.config.CoreAddressConfiguration;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.server.Queue;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.apache.activemq.artemis.core.settings.impl.AddressSettings;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.apache.camel.LoggingLevel;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.main.Main;
import org.apache.camel.model.ProcessorDefinition;
import org.apache.camel.spring.spi.SpringTransactionPolicy;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.jms.connection.JmsTransactionManager;

/**
 * Bactrian as a step of a host's transacted routes: each takes an order from the host's broker, has it answered, sends the
 * answer to a queue, and has one more step to do. The broker delivers an order three times.
 */
class TransactedTest extends RouteTestSupport {

    private static final int DELIVERIES = 3;
    private static final Map<String, String> WAYS = Map.of(
            "endpoint", "direct:generate",
            "kamelet", "kamelet:generate-action/ROUTE",
            "sink", "kamelet:generate-sink/ROUTE",
            "image", "kamelet:replicate-image-action/ROUTE");

    private final EmbeddedActiveMQ broker = new EmbeddedActiveMQ();
    private final Map<String, Integer> lastSteps = new ConcurrentHashMap<>();
    private final List<String> routes = new ArrayList<>();
    private volatile int failures;
    private volatile Runnable lastStep = () -> { };
    private ActiveMQConnectionFactory factory;

    @BeforeEach
    void startBroker() throws Exception {
        broker.setConfiguration(new ConfigurationImpl().setPersistenceEnabled(false).setSecurityEnabled(false)
                .addAcceptorConfiguration("in-vm", "vm://4711")
                .addAddressSetting("#", new AddressSettings().setMaxDeliveryAttempts(DELIVERIES).setRedeliveryDelay(10)
                        .setDeadLetterAddress(SimpleString.of("dead")).setAutoDeleteQueues(false))
                .addAddressConfiguration(new CoreAddressConfiguration().setName("dead")
                        .addQueueConfiguration(QueueConfiguration.of("dead").setRoutingType(RoutingType.ANYCAST))));
        broker.start();
        factory = new ActiveMQConnectionFactory("vm://4711?consumerWindowSize=0");
    }

    @AfterEach
    void stopBroker() throws Exception {
        stop();
        factory.close();
        broker.stop();
    }

    /** With transactions of the JMS session alone, and with a transaction manager and Spring's policy. */
    @Override
    protected void configure(Main main) {
        JmsTransactionManager manager = new JmsTransactionManager(factory);
        JmsComponent local = component();
        local.setLazyCreateTransactionManager(false);
        JmsComponent managed = component();
        managed.setTransactionManager(manager);
        main.bind("local", local);
        main.bind("managed", managed);
        main.bind("required", new SpringTransactionPolicy(manager));
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                WAYS.forEach((way, uri) -> {
                    takeOrders(from("local:queue:local-" + way), "local", way, uri);
                    takeOrders(from("managed:queue:managed-" + way).transacted("required"), "managed", way, uri);
                });
            }

            private void takeOrders(ProcessorDefinition<?> transaction, String component, String way, String uri) {
                String route = component + "-" + way;
                transaction.to(uri.replace("ROUTE", route)).to(component + ":queue:answers-of-" + route).process(exchange -> lastStep(route));
                routes.add(route);
            }
        });
    }

    private JmsComponent component() {
        JmsComponent component = new JmsComponent();
        component.setConnectionFactory(factory);
        component.setTransacted(true);
        component.setCacheLevelName("CACHE_CONSUMER");
        component.setErrorHandlerLoggingLevel(LoggingLevel.DEBUG);
        return component;
    }

    private void lastStep(String route) {
        lastStep.run();
        if (lastSteps.merge(route, 1, Integer::sum) <= failures) {
            throw new IllegalStateException("the host's last step");
        }
    }

    /** An order of each route, its prompt the route's name. */
    private void order(String request, String... ways) {
        routes.removeIf(route -> Stream.of(ways).noneMatch(route::endsWith));
        try (JMSContext session = factory.createContext()) {
            routes.forEach(route -> session.createProducer().send(session.createQueue(route), request.replace("ROUTE", route)));
        }
    }

    private long depth(String queue) {
        Queue found = broker.getActiveMQServer().locateQueue(SimpleString.of(queue));
        return found == null ? 0 : found.getMessageCount();
    }

    private Map<String, Long> answers() {
        Map<String, Long> depths = new LinkedHashMap<>();
        routes.forEach(route -> depths.put(route, depth("answers-of-" + route)));
        return depths;
    }

    private Map<String, Long> each(long count) {
        Map<String, Long> same = new LinkedHashMap<>();
        routes.forEach(route -> same.put(route, count));
        return same;
    }

    private Map<String, Long> chats() {
        Map<String, Long> calls = new LinkedHashMap<>();
        routes.forEach(route -> calls.put(route, simulator.requests(Call.CHAT).stream()
                .filter(request -> request.json().at("/messages/0/content").asText().equals(route)).count()));
        return calls;
    }

    private Map<String, Long> creates() {
        Map<String, Long> calls = new LinkedHashMap<>();
        routes.forEach(route -> calls.put(route, simulator.requests(Call.CREATE).stream()
                .filter(request -> request.json().at("/input/prompt").asText().equals(route)).count()));
        return calls;
    }

    private void awaitNoOrders() {
        await("orders handled").until(() -> routes.stream().allMatch(route -> depth(route) == 0));
    }

    @Test
    void anAnswerIsCommittedOnce() throws Exception {
        start(Property.EMIT_CHUNK.key(), "");

        order("ROUTE", "endpoint", "kamelet");
        awaitNoOrders();

        assertThat(answers()).isEqualTo(each(1));
        assertThat(chats()).isEqualTo(each(1));
        assertThat(depth("dead")).isZero();
    }

    @Test
    void anErrorOfTheServiceRollsBackAndTheBrokerDeliversAgain() throws Exception {
        start(Property.EMIT_CHUNK.key(), "");
        simulator.always(Call.CHAT, Reply.json(400, "{\"error\": {\"message\": \"no\"}}"));

        order("ROUTE", "endpoint", "kamelet");
        await("given up by the broker").until(() -> depth("dead") == routes.size());

        assertThat(answers()).isEqualTo(each(0));
        assertThat(chats()).as("one call per delivery").isEqualTo(each(DELIVERIES));
        assertThat(lastSteps).isEmpty();
    }

    @Test
    void whatIsSentAfterAPredictionIsRolledBackToo() throws Exception {
        start(Property.EMIT_CHUNK.key(), "");
        failures = DELIVERIES - 1;

        order("{\"id\": \"id-ROUTE\", \"model\": \"gemma-2b\", \"prompt\": \"ROUTE\"}", "endpoint", "kamelet", "image");
        awaitNoOrders();

        assertThat(lastSteps).allSatisfy((route, steps) -> assertThat(steps).isEqualTo(DELIVERIES));
        assertThat(answers()).isEqualTo(each(1));
        assertThat(creates()).as("what is paid for is gone on with; a Kamelet forgets it when it is done").isEqualTo(Map.of(
                "local-endpoint", 1L, "managed-endpoint", 1L,
                "local-kamelet", 3L, "managed-kamelet", 3L, "local-image", 3L, "managed-image", 3L));
    }

    @Test
    void chunksGoOutAtOnceAndNotAtTheCommit() throws Exception {
        start(Property.EMIT_CHUNK.key(), "local:queue:chunks");
        simulator.on(Call.CHAT, Reply.stream("a", "b", "c"));
        lastStep = () -> assertThat(depth("chunks")).isEqualTo(3);

        order("ROUTE", "local-endpoint");
        awaitNoOrders();

        assertThat(answers()).isEqualTo(each(1));
        assertThat(lastSteps).isEqualTo(Map.of("local-endpoint", 1));
    }

    @Test
    void aSinkIsAskedWithEachDelivery() throws Exception {
        start(Property.EMIT_CHUNK.key(), "");
        failures = DELIVERIES - 1;

        order("ROUTE", "sink");
        awaitNoOrders();

        assertThat(answers()).isEqualTo(each(1));
        await("emitted").until(() -> captured.results.size() == routes.size() * DELIVERIES);
        captured.results.clear();
        assertThat(chats()).isEqualTo(each(DELIVERIES));
    }
}
