package dev.bactrian.jms;

import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

import dev.bactrian.threads.Pools;
import jakarta.jms.Connection;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.ExceptionListener;
import jakarta.jms.InvalidDestinationException;
import jakarta.jms.JMSException;
import jakarta.jms.JMSSecurityException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says in one line that the broker is lost and in one that it is back. (Consumers tell it whenever they can't work, each
 * of them once a second.)
 */
final class BrokerWatch implements ExceptionListener, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger("dev.bactrian.jms");

    private final ConnectionFactory factory;
    private final String broker;
    private final ScheduledThreadPoolExecutor probes = Pools.scheduled("bactrian-broker-watch", 1);
    private boolean probing;
    private boolean lost;
    private String said;

    /** Watches the broker that the factory connects to. */
    BrokerWatch(ConnectionFactory factory, String broker) {
        this.factory = factory;
        this.broker = broker;
    }

    @Override
    public synchronized void onException(JMSException problem) {
        if (!probing && !probes.isShutdown()) {
            probing = true;
            probes.execute(() -> probe(problem));
        }
    }

    private void probe(JMSException problem) {
        try (Connection connection = factory.createConnection()) {
            there(problem);
        } catch (JMSException | RuntimeException e) {
            lost(e);
        }
    }

    private synchronized void there(JMSException problem) {
        probing = false;
        if (lost) {
            lost = false;
            LOG.info("The broker {} is back", broker);
        } else if ((problem instanceof JMSSecurityException || problem instanceof InvalidDestinationException)
                && !String.valueOf(problem.getMessage()).equals(said)) {
            said = String.valueOf(problem.getMessage());
            LOG.warn("The broker {} refuses a consumer: {}", broker, said);
        }
    }

    private synchronized void lost(Exception reason) {
        if (!lost) {
            lost = true;
            LOG.warn("The broker {} is lost: {}; it is waited for", broker, reason.getMessage());
        }
        if (!probes.isShutdown()) {
            probes.schedule(() -> probe(null), 1, TimeUnit.SECONDS);
        }
    }

    @Override
    public synchronized void close() {
        probes.shutdownNow();
    }
}
