package dev.bactrian.jms;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.ScheduledPool;
import jakarta.jms.Connection;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.ExceptionListener;
import jakarta.jms.InvalidDestinationException;
import jakarta.jms.JMSException;
import jakarta.jms.JMSSecurityException;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.apache.camel.CamelContext;
import org.slf4j.Logger;

/**
 * Logs once that the connection to the broker is lost, with the reason, and once that it is back. Consumers report failures here
 * and wait while this class tries to connect, with increasing pauses.
 */
final class BrokerWatch implements ExceptionListener, AutoCloseable {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.jms");

    /** The Artemis client may wait far longer for a broker that accepts a connection and then does not answer. */
    private static final Duration SILENCE = Duration.ofSeconds(3);

    private static final long FIRST_PAUSE_MILLIS = 1_000;
    private static final long LONGEST_PAUSE_MILLIS = 10_000;
    private static final long CHECK_MILLIS = 200;

    private final ConnectionFactory factory;
    private final ActiveMQConnectionFactory artemis;
    private final String broker;
    private final ScheduledExecutorService probes;
    private boolean probing;
    private boolean lost;
    private long pauseMillis = FIRST_PAUSE_MILLIS;
    private String said;

    /**
     * Creates the watch of a broker.
     *
     * @param factory connects to the broker
     * @param artemis the same factory or the one that it wraps, to find out why connecting fails; or null
     * @param broker  the name of the broker in log lines
     */
    BrokerWatch(CamelContext context, ConnectionFactory factory, ActiveMQConnectionFactory artemis, String broker) {
        this.factory = factory;
        this.artemis = artemis;
        this.broker = broker;
        probes = new ScheduledPool(context, "bactrian-broker-watch", 2);
    }

    @Override
    public synchronized void onException(JMSException problem) {
        if (!probing && !probes.isShutdown()) {
            try {
                probes.execute(() -> probe(problem));
                probing = true;
            } catch (RejectedExecutionException e) {
                // The application stops, and interrupts the thread of the consumer.
                LOG.debug("The broker is not watched any more: {}", e.getMessage());
            }
        }
    }

    @SuppressWarnings("try") // only tests whether a connection can be made
    private void probe(JMSException problem) {
        Future<?> silent = probes.schedule(this::silent, SILENCE.toMillis(), TimeUnit.MILLISECONDS);
        try (Connection connection = factory.createConnection()) {
            silent.cancel(false);
            there(problem);
        } catch (JMSException | RuntimeException e) {
            silent.cancel(false);
            try {
                if (!isLost()) {
                    lost(reason(e));
                }
            } finally {
                probeAgain();
            }
        }
    }

    /**
     * Returns why connecting failed. If the broker itself rejected the password, its message says so; otherwise the cause is looked for.
     */
    private String reason(Exception failure) {
        String why = null;
        try {
            why = artemis == null || failure instanceof JMSSecurityException ? null : Unreachable.why(artemis, probes).orElse(null);
        } catch (LinkageError e) {
            LOG.debug("An Artemis client that can't be asked", e);
        }
        return why != null ? why : OneLine.of(String.valueOf(failure.getMessage()));
    }

    private synchronized boolean isLost() {
        return lost;
    }

    /** Waits until the broker is back, or the caller is no longer waiting. */
    synchronized void await(BooleanSupplier waiting) {
        try {
            while (lost && waiting.getAsBoolean() && !probes.isShutdown()) {
                wait(CHECK_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void there(JMSException problem) {
        probing = false;
        pauseMillis = FIRST_PAUSE_MILLIS;
        if (lost) {
            lost = false;
            notifyAll();
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
        if (!lost && !probes.isShutdown()) {
            lost = true;
            LOG.warn("The broker {} is lost: {}; it is waited for", broker, reason);
        }
    }

    private synchronized void probeAgain() {
        if (!probes.isShutdown()) {
            probes.schedule(() -> probe(null), pauseMillis, TimeUnit.MILLISECONDS);
            pauseMillis = Math.min(2 * pauseMillis, LONGEST_PAUSE_MILLIS);
        }
    }

    @Override
    public synchronized void close() {
        probes.shutdownNow();
    }
}
