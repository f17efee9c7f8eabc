package dev.bactrian.jms;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.Map;

import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.support.CapturedLog;
import dev.bactrian.support.FreePort;
import jakarta.jms.JMSContext;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The acceptor of the broker inside the process: what can't be one stops the start, in one line that names the property. */
@Tag("slow")
class EmbeddedBrokerTest {

    @TempDir
    Path folder;

    private EmbeddedBroker start(String acceptor) {
        return EmbeddedBroker.start(folder.resolve("broker"), Settings.of(Map.of("bactrian.jms.acceptor", acceptor)));
    }

    /** {@code TAKEN} stands for a port that another has. */
    @ParameterizedTest
    @ValueSource(strings = {"nonsense", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "tcp://127.0.0.1:port", "tcp://127.0.0.1:-5", "http://127.0.0.1:1",
            "127.0.0.1:61616", ":::", "vm://0", "tcp://no-such-host.invalid:61616", "tcp://192.0.2.1:61616", "tcp://127.0.0.1:TAKEN",
            "tcp://127.0.0.1:61999?sslEnabled=true;keyStorePath=/no/such/store;keyStorePassword=canary"})
    void aMalformedAcceptorIsOneLineThatNamesTheProperty(String acceptor) throws Exception {
        CapturedLog log = new CapturedLog();
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertThatThrownBy(() -> start(acceptor.replace("TAKEN", Integer.toString(taken.getLocalPort())))).isInstanceOf(SettingException.class)
                    .hasMessageStartingWith("bactrian.jms.acceptor: ").message().hasLineCount(1).doesNotContain("canary", "Exception", "null");
        } finally {
            log.close();
        }
        assertThat(log.toString()).doesNotContain("\tat ", "ERROR", "canary");
        // The next start finds the folder free.
        start("").close();
    }

    @Test
    void whereItIsOpenOthersReachIt() throws Exception {
        int port = FreePort.find();
        EmbeddedBroker broker = start("tcp://127.0.0.1:" + port);
        try (ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory("tcp://127.0.0.1:" + port); JMSContext jms = factory.createContext()) {
            jms.createProducer().send(jms.createQueue("bactrian.requests"), "hi");
            assertThat(jms.createConsumer(jms.createQueue("bactrian.requests")).receiveBody(String.class, 5_000)).isEqualTo("hi");
        } finally {
            broker.close();
        }
        start("tcp://127.0.0.1:" + port).close();
    }
}
