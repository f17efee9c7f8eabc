package dev.bactrian.routes.queue;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.bactrian.config.Property;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.support.CapturedLog;
import dev.bactrian.support.FreePort;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.security.CheckType;
import org.apache.activemq.artemis.core.security.Role;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.apache.activemq.artemis.spi.core.security.ActiveMQSecurityManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A broker with TLS and a password: reached by the reference's example, and where it can't be, a line that says why. */
@Timeout(120)
class QueueTlsTest extends RouteTestSupport {

    private static final String PASSWORD = "canary-of-the-store";

    @TempDir
    static Path stores;

    private CapturedLog log;
    private EmbeddedActiveMQ broker;
    private int plainPort;
    private int tlsPort;

    /** Lets in camel with the password hump. */
    private record Camel() implements ActiveMQSecurityManager {

        @Override
        public boolean validateUser(String user, String password) {
            return "camel".equals(user) && "hump".equals(password);
        }

        @Override
        public boolean validateUserAndRole(String user, String password, Set<Role> roles, CheckType checkType) {
            return validateUser(user, password);
        }
    }

    @BeforeAll
    static void makeStores() throws Exception {
        keytool("-genkeypair", "-keystore", "broker.p12", "-alias", "broker", "-dname", "CN=x", "-ext", "san=ip:127.0.0.1", "-keyalg", "EC", "-groupname", "secp256r1");
        keytool("-exportcert", "-keystore", "broker.p12", "-alias", "broker", "-file", "broker.crt");
        keytool("-importcert", "-keystore", "trust.p12", "-alias", "broker", "-file", "broker.crt", "-noprompt");
    }

    private static void keytool(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
        command.addAll(List.of(arguments));
        command.addAll(List.of("-storepass", PASSWORD));
        Process process = new ProcessBuilder(command).directory(stores.toFile()).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
    }

    @BeforeEach
    void startBroker() throws Exception {
        log = new CapturedLog();
        plainPort = FreePort.find();
        tlsPort = FreePort.find();
        broker = new EmbeddedActiveMQ();
        broker.setConfiguration(new ConfigurationImpl().setPersistenceEnabled(false).setSecurityEnabled(true)
                .addAcceptorConfiguration("plain", "tcp://127.0.0.1:" + plainPort)
                .addAcceptorConfiguration("tls", "tcp://127.0.0.1:" + tlsPort + "?sslEnabled=true;keyStorePath=" + stores.resolve("broker.p12")
                        + ";keyStorePassword=" + PASSWORD));
        broker.setSecurityManager(new Camel());
        broker.start();
    }

    @AfterEach
    void stopBroker() throws Exception {
        stop();
        broker.stop();
        log.close();
    }

    private void startQueue(String url, String password) throws Exception {
        start(Property.JMS_ENABLED.key(), "true", Property.JMS_URL.key(), url, Property.JMS_USER.key(), "camel", Property.JMS_PASSWORD.key(), password);
    }

    @Test
    void theExampleOfTheReferenceReachesABrokerWithTls() throws Exception {
        Matcher example = Pattern.compile("(?m)^bactrian.jms.url = (tcp://[^?]*\\?sslEnabled=true\\S*)$").matcher(Files.readString(Path.of("docs/reference/queue.md")));
        assertThat(example.find()).isTrue();
        String url = example.group(1).replace("broker.example.org:61617", "127.0.0.1:" + tlsPort).replace("/etc/bactrian/broker.p12", stores.resolve("trust.p12").toString())
                .replace("changeit", PASSWORD);
        startQueue(url, "hump");

        template().sendBody("jms:queue:bactrian.requests", "{\"id\": \"cat\", \"model\": \"sd-3\", \"prompt\": \"a cat\"}");

        await().until(() -> !captured.results.isEmpty());
        assertThat(captured.results.remove().json().path("status").asText()).isEqualTo("succeeded");
    }

    /** {@code PLAIN} and {@code TLS} stand for the broker's ports. */
    @ParameterizedTest
    @CsvSource({"tcp://127.0.0.1:TLS?sslEnabled=true, hump, the certificate of 127.0.0.1 is not trusted",
        "tcp://127.0.0.1:TLS?sslEnabled=true&trustStorePath=/no/such/store, hump, trustStorePath",
        "tcp://127.0.0.1:PLAIN, no hump, Unable to validate user",
        "tcp://no-such-host.invalid:61616, hump, unknown host no-such-host.invalid",
        "tcp://127.0.0.1:1, hump, refused"})
    void anUnreachableBrokerLogsOneReasonAndAGrowingPause(String url, String password, String reason) throws Exception {
        startQueue(url.replace("TLS", Integer.toString(tlsPort)).replace("PLAIN", Integer.toString(plainPort)), password);

        await("said").until(() -> !said("is lost").isEmpty());
        await("some tries more").pollDelay(Duration.ofMillis(2500)).until(() -> true);

        assertThat(said("WARN dev.bactrian.jms - ")).singleElement().asString().contains("is lost: ", reason).doesNotContain("canary", "Failed to create session factory");
        // One of each container at the start; from then on the watch asks.
        assertThat(said("Could not refresh JMS Connection")).hasSizeLessThanOrEqualTo(4);
    }

    private List<String> said(String text) {
        return log.lines(text);
    }
}
