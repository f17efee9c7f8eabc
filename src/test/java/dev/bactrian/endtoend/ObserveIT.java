package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;

import dev.bactrian.config.Property;
import dev.bactrian.routes.support.Scrape;
import dev.bactrian.simulator.Call;
import dev.bactrian.support.FreePort;
import org.junit.jupiter.api.Test;

/** The service, watched through its management port. */
class ObserveIT extends EndToEnd {

    @Test
    void saysHowItIsAndWhatItHasDone() throws IOException {
        int port = FreePort.find();
        String address = "http://127.0.0.1:" + port;
        ServiceProcess service = run(service().set(Property.MANAGEMENT_PORT, Integer.toString(port))
                .set(Property.UPSTAGE_API_KEY, "up_canary_key").set(Property.REPLICATE_API_TOKEN, "r8_canary_token"));
        service.says("Observe   " + address + "/observe/metrics");

        drop("chat.json", CHAT);
        drop("picture.json", PICTURE);
        result("chat");
        result("picture");

        await().atMost(Duration.ofSeconds(10)).until(() -> Scrape.of(address).value("bactrian_in_flight") == 0);
        Scrape scrape = Scrape.of(address);
        assertThat(scrape.value("bactrian_requests_seconds_count", "provider", "upstage", "status", "succeeded")).isEqualTo(1);
        assertThat(scrape.value("bactrian_requests_seconds_count", "provider", "replicate", "status", "succeeded")).isEqualTo(1);
        var health = Scrape.get(address + "/observe/health");
        assertThat(health.statusCode()).as(health.body()).isEqualTo(200);
        assertThat(health.body()).contains("replicate is reachable").contains("upstage is reachable");
        assertThat(simulator.count(Call.CREATE)).isOne();
        assertThat(simulator.count(Call.CHAT)).isOne();
        assertThat(service.err()).isEmpty();
        assertThat(scrape + health.body() + service).doesNotContain("canary").doesNotContain("a camel");
        assertThatNobodyElseCanConnect(port);
    }

    private static void assertThatNobodyElseCanConnect(int port) throws IOException {
        List<InetAddress> outside = NetworkInterface.networkInterfaces().flatMap(NetworkInterface::inetAddresses)
                .filter(address -> !address.isLoopbackAddress()).toList();
        for (InetAddress address : outside) {
            try (Socket socket = new Socket(address, port)) {
                throw new AssertionError("listens on " + socket);
            } catch (IOException e) {
                assertThat(e).isNotNull();
            }
        }
    }

    @Test
    void goesOnWithoutItsPortWhereThatIsTaken() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            ServiceProcess service = run(service().set(Property.MANAGEMENT_PORT, Integer.toString(taken.getLocalPort())));

            service.says("WARN");
            assertThat(service.out()).filteredOn(line -> line.contains("WARN")).singleElement().asString()
                    .contains("bactrian.management.port: port " + taken.getLocalPort() + " is in use; the management endpoint is disabled");
            drop("chat.json", CHAT);
            result("chat");
            assertThat(service.said("Observe ")).isFalse();
        }
    }
}
