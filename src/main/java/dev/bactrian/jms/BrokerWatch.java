package dev.bactrian.jms;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.Pools;
import jakarta.jms.Connection;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.ExceptionListener;
import jakarta.jms.InvalidDestinationException;
import jakarta.jms.JMSException;
import jakarta.jms.JMSSecurityException;
import org.slf4j.Logger;

/**
 * Says in one line that the broker is lost and in one that it is back. (Consumers tell it whenever they can't work, each
 * of them once a second.)
 */
final class BrokerWatch implements ExceptionListener, AutoCloseable {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.jms");

    /** A client may wait far longer for a broker that accepts and says nothing, and then find it as good as new. */
    private static final Duration SILENCE = Duration.ofSeconds(3);

    private final ConnectionFactory factory;
    private final String broker;
    private final ScheduledThreadPoolExecutor probes = Pools.scheduled("bactrian-broker-watch", 2);
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

    @SuppressWarnings("try") // that the connection could be made is all there is to know
    private void probe(JMSException problem) {
        Future<?> silent = probes.schedule(this::silent, SILENCE.toMillis(), TimeUnit.MILLISECONDS);
        try (Connection connection = factory.createConnection()) {
            silent.cancel(false);
            there(problem);
        } catch (JMSException | RuntimeException e) {
            silent.cancel(false);
            lost(e.getMessage());
            probeAgain();
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

    private synchronized void silent() {
        if (probing) {
            lost("no answer within " + SILENCE.toSeconds() + " s");
        }
    }

    private synchronized void lost(String reason) {
        if (!lost) {
            lost = true;
            LOG.warn("The broker {} is lost: {}; it is waited for", broker, reason);
        }
    }

    private synchronized void probeAgain() {
        if (!probes.isShutdown()) {
            probes.schedule(() -> probe(null), 1, TimeUnit.SECONDS);
        }
    }

    @Override
    public synchronized void close() {
        probes.shutdownNow();
    }
}
