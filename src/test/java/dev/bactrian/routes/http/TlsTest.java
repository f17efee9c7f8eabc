package dev.bactrian.routes.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.routes.support.RawServer;
import dev.bactrian.routes.support.RouteTestSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.TrustManagerFactory;

/** Providers behind TLS: whose certificates count, and what one that does not is called. */
@Timeout(60)
class TlsTest extends RouteTestSupport {

    private static final String PASSWORD = "canary-of-the-store";
    private static final String CHAT = "{\"model\":\"solar-pro4\",\"prompt\":\"x\"}";
    private static final String PREDICTION = "{\"model\":\"google-deepmind/gemma-2b-it\",\"prompt\":\"x\"}";

    @TempDir
    static Path stores;

    private RawServer server;

    /** An authority, what it has signed for 127.0.0.1, for another host and until yesterday, and one that nobody has signed. */
    @BeforeAll
    static void makeCertificates() throws Exception {
        keytool("-genkeypair", "-keystore", "ca.p12", "-alias", "ca", "-dname", "CN=ca", "-ext", "bc:c");
        keytool("-exportcert", "-keystore", "ca.p12", "-alias", "ca", "-file", "ca.crt");
        keytool("-importcert", "-keystore", "trust.p12", "-alias", "ca", "-file", "ca.crt", "-noprompt");
        signed("good", "-ext", "san=ip:127.0.0.1");
        signed("other-host", "-ext", "san=dns:other.example");
        signed("expired", "-ext", "san=ip:127.0.0.1", "-startdate", "-10d", "-validity", "1");
        signed("client");
        keytool("-genkeypair", "-keystore", "untrusted.p12", "-alias", "untrusted", "-dname", "CN=x", "-ext", "san=ip:127.0.0.1");
    }

    private static void signed(String name, String... how) throws Exception {
        keytool("-genkeypair", "-keystore", name + ".p12", "-alias", name, "-dname", "CN=" + name);
        keytool("-certreq", "-keystore", name + ".p12", "-alias", name, "-file", name + ".csr");
        keytool(Stream.concat(Stream.of("-gencert", "-keystore", "ca.p12", "-alias", "ca", "-infile", name + ".csr", "-outfile", name + ".crt"),
                Stream.of(how)).toArray(String[]::new));
        keytool("-importcert", "-keystore", name + ".p12", "-alias", "ca", "-file", "ca.crt", "-noprompt");
        keytool("-importcert", "-keystore", name + ".p12", "-alias", name, "-file", name + ".crt", "-noprompt");
    }

    private static void keytool(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
        command.addAll(List.of(arguments));
        if (!command.contains("-keyalg") && arguments[0].equals("-genkeypair")) {
            command.addAll(List.of("-keyalg", "EC", "-groupname", "secp256r1"));
        }
        command.addAll(List.of("-storepass", PASSWORD));
        Process process = new ProcessBuilder(command).directory(stores.toFile()).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(said).isZero();
    }

    private static KeyStore store(String name) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(stores.resolve(name + ".p12"))) {
            store.load(in, PASSWORD.toCharArray());
        }
        return store;
    }

    /** A server with that certificate, which may ask its clients for one that the authority has signed. */
    private void serve(String certificate, boolean asks, String... properties) throws Exception {
        server = server(certificate, asks);
        start(Stream.concat(Stream.of("bactrian.replicate.api-endpoint", server.url("/predictions"),
                "bactrian.replicate.poll-endpoint", server.url("/predictions/{id}"), "bactrian.upstage.api-endpoint", server.url("/chat"),
                "bactrian.emit.chunk", ""), Stream.of(properties)).toArray(String[]::new));
    }

    private static RawServer server(String certificate, boolean asks) throws Exception {
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store(certificate), PASSWORD.toCharArray());
        TrustManagerFactory trusted = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusted.init(store("trust"));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trusted.getTrustManagers(), null);
        SSLServerSocket socket = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0);
        socket.setNeedClientAuth(asks);
        return new RawServer(socket, "https", RawServer::answer);
    }

    private static String[] trusting(String... further) {
        return Stream.concat(Stream.of("camel.ssl.enabled", "true", "camel.ssl.trust-store", "file:" + stores.resolve("trust.p12"),
                "camel.ssl.trust-store-password", PASSWORD), Stream.of(further)).toArray(String[]::new);
    }

    @AfterEach
    void closeServer() throws Exception {
        stop();
        server.close();
    }

    @Test
    void aTruststoreOfTheApplicationCounts() throws Exception {
        serve("good", false, trusting());

        assertThat(generate(CHAT).path("text").asText()).isEqualTo("hi");
        assertThat(generate(PREDICTION).path("text").asText()).isEqualTo("hi");
    }

    @Test
    void aClientCertificateOfTheApplicationIsShown() throws Exception {
        serve("good", true, trusting("camel.ssl.key-store", "file:" + stores.resolve("client.p12"), "camel.ssl.keystore-password", PASSWORD));

        assertThat(generate(CHAT).path("text").asText()).isEqualTo("hi");
        assertThat(generate(PREDICTION).path("text").asText()).isEqualTo("hi");
    }

    @Test
    void aClientCertificateThatIsMissingIsAFaultOfConfiguration() throws Exception {
        serve("good", true, trusting());

        JsonNode error = generateFails(CHAT).path("error");

        assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
        assertThat(error.path("message").asText()).hasLineCount(1);
        assertThat(server.requests).isEmpty();
    }

    /** Columns: the server's certificate; what is said of it. */
    enum Fault {
        UNTRUSTED("untrusted", "is not trusted"),
        OTHER_HOST("other-host", "is for another host"),
        EXPIRED("expired", "has expired");

        final String certificate;
        final String said;

        Fault(String certificate, String said) {
            this.certificate = certificate;
            this.said = said;
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCertificateThatCannotBeTakenIsAFaultOfConfiguration(Fault row) throws Exception {
        serve(row.certificate, false, trusting());

        for (String request : List.of(CHAT, PREDICTION)) {
            JsonNode error = generateFails(request).path("error");
            assertThat(error.path("type").asText()).isEqualTo("provider-unavailable");
            assertThat(error.path("message").asText()).contains("the certificate of 127.0.0.1 " + row.said).hasLineCount(1);
            assertThat(error.path("attempts").asInt()).isOne();
            assertThat(error.path("retryable").asBoolean()).isFalse();
        }
        assertThat(server.connections).hasValue(2);
        assertThat(server.requests).isEmpty();
    }

    @Test
    void aPollThatMeetsSuchACertificateSaysSoToo() throws Exception {
        try (RawServer polls = server("untrusted", false)) {
            serve("good", false, trusting("bactrian.replicate.poll-endpoint", polls.url("/predictions/{id}"), "bactrian.retry.max-attempts", "1"));

            JsonNode error = generateFails(PREDICTION).path("error");

            assertThat(error.path("message").asText()).contains("the certificate of 127.0.0.1 is not trusted").hasLineCount(1);
            assertThat(server.requests).as("creates and cancels").isNotEmpty();
        }
    }

    @Test
    void withoutATruststoreJavasOwnCounts() throws Exception {
        serve("good", false);

        assertThat(generateFails(CHAT).path("error").path("message").asText()).contains("is not trusted");
    }
}
