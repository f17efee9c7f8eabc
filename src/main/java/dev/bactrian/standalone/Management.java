package dev.bactrian.standalone;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.Map;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The port for whoever watches the service: {@code /observe/health} and {@code /observe/metrics}, on this machine alone. */
final class Management {

    private static final Logger LOG = LoggerFactory.getLogger("dev.bactrian");
    private static final String HOST = "127.0.0.1";

    private final int port;

    /** The port of these settings, or none where it is taken: several instances may run on one machine. */
    Management(Settings settings) {
        int wanted = settings.count(Property.MANAGEMENT_PORT);
        port = wanted == 0 || isFree(wanted) ? wanted : 0;
        if (port != wanted) {
            LOG.warn("{}: port {} is taken; nobody can watch this instance there", Property.MANAGEMENT_PORT.key(), wanted);
        }
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getByName(HOST), port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether there is one. */
    boolean isOn() {
        return port != 0;
    }

    /** What Camel is to be told of it. */
    Map<String, String> properties() {
        return !isOn() ? Map.of() : Map.ofEntries(
                Map.entry("camel.management.enabled", "true"),
                Map.entry("camel.management.host", HOST),
                Map.entry("camel.management.port", Integer.toString(port)),
                Map.entry("camel.management.health-check-enabled", "true"),
                Map.entry("camel.management.metrics-enabled", "true"),
                Map.entry("camel.metrics.enabled", "true"),
                // What Camel counts of each route and exchange is much, and costs something.
                Map.entry("camel.metrics.enable-route-policy", "false"),
                Map.entry("camel.metrics.enable-exchange-event-notifier", "false"),
                Map.entry("camel.metrics.enable-route-event-notifier", "false"),
                // What a check has to say, also when all is well.
                Map.entry("camel.health.exposure-level", "full"));
    }

    @Override
    public String toString() {
        return "http://" + HOST + ":" + port + "/observe/metrics";
    }
}
