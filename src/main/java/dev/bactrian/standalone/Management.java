package dev.bactrian.standalone;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;

import dev.bactrian.config.Property;
import dev.bactrian.text.OneLineLogger;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.component.micrometer.prometheus.MicrometerPrometheus;
import org.apache.camel.component.platform.http.main.ManagementHttpServer;
import org.apache.camel.health.HealthCheckRegistry;
import org.slf4j.Logger;

/**
 * The management port: {@code /observe/health} and {@code /observe/metrics}, on the loopback interface only. Opened after the
 * routes have started, and not by Camel's own properties, because that would slow down the start.
 */
final class Management {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian");
    private static final String HOST = "127.0.0.1";

    private final int port;
    private final PrometheusMeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

    Management(int port) {
        this.port = port;
    }

    /** Returns the registry of the service's meters. */
    MeterRegistry meters() {
        return meters;
    }

    /** Opens the port. If it is in use, for example by another instance, the service runs without it. */
    void open(CamelContext context) {
        if (!isFree()) {
            LOG.warn("{}: port {} is in use; the management endpoint is disabled", Property.MANAGEMENT_PORT.key(), port);
            return;
        }
        try {
            // Include the messages of checks that are up.
            HealthCheckRegistry.get(context).setExposureLevel("full");
            ManagementHttpServer server = new ManagementHttpServer();
            server.setHost(HOST);
            server.setPort(port);
            server.setPath("/");
            server.setHealthCheckEnabled(true);
            server.setHealthPath("/observe/health");
            server.setMetricsEnabled(true);
            context.addService(server);
            MicrometerPrometheus metrics = new MicrometerPrometheus();
            metrics.setPath("/observe/metrics");
            // Camel's meters for each route and exchange are many, and cost time.
            metrics.setEnableRoutePolicy(false);
            metrics.setEnableExchangeEventNotifier(false);
            metrics.setEnableRouteEventNotifier(false);
            metrics.setClearOnReload(false);
            context.addService(metrics);
            LOG.info("Observe   http://{}:{}/observe/metrics", HOST, port);
        } catch (Exception e) {
            LOG.warn("{}: port {} cannot be opened; the management endpoint is disabled: {}", Property.MANAGEMENT_PORT.key(), port, e.toString());
        }
    }

    private boolean isFree() {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getByName(HOST), port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
