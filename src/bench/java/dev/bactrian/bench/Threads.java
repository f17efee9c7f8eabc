package dev.bactrian.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;

/** Counts the peak number of threads, separately for an embedded broker, whose threads have names of their own. */
final class Threads {

    /** Part of the names of all Artemis threads. Those that also contain {@link #OF_CLIENT} belong to the client, and so to us. */
    private static final String OF_ARTEMIS = "activemq-";
    private static final String OF_CLIENT = "activemq-client-";
    private static final long LOOK_MILLIS = 250;

    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private volatile int most;
    private volatile int mostOfBroker;

    private Threads() {
    }

    /** Starts sampling. */
    static Threads watched() {
        Threads watched = new Threads();
        Thread poller = new Thread(watched::watch, "bench-threads");
        poller.setDaemon(true);
        poller.start();
        return watched;
    }

    private void watch() {
        try {
            while (true) {
                poll();
                Thread.sleep(LOOK_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static boolean isOfBroker(String name) {
        return name.contains(OF_ARTEMIS) && !name.contains(OF_CLIENT);
    }

    private void poll() {
        int others = 0;
        int brokers = 0;
        for (ThreadInfo thread : threads.getThreadInfo(threads.getAllThreadIds())) {
            if (thread != null && isOfBroker(thread.getThreadName())) {
                brokers++;
            } else if (thread != null) {
                others++;
            }
        }
        most = Math.max(most, others);
        mostOfBroker = Math.max(mostOfBroker, brokers);
    }

    /** Returns the peak number of threads that are not the broker's. */
    int most() {
        return most;
    }

    /** Returns the peak number of the broker's threads. */
    int mostOfBroker() {
        return mostOfBroker;
    }
}
