package dev.bactrian.host;

import jakarta.jms.JMSException;
import org.springframework.jms.connection.JmsResourceHolder;
import org.springframework.transaction.support.TransactionSynchronizationManager;

/** Finds out whether a thread is in a Spring transaction, as a transacted consumer of {@code camel-jms} is. */
public final class Transactions {

    private static final boolean SPRING = isThere("org.springframework.transaction.support.TransactionSynchronizationManager");
    private static final boolean SPRING_JMS = isThere("org.springframework.jms.connection.JmsResourceHolder");

    private Transactions() {
    }

    private static boolean isThere(String className) {
        try {
            Class.forName(className, false, Transactions.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException | LinkageError e) {
            return false;
        }
    }

    /** Whether the calling thread is in a transaction; work on another thread would not be part of it. False without Spring. */
    public static boolean holdThisThread() {
        return SPRING && (TransactionSynchronizationManager.isActualTransactionActive() || SPRING_JMS
                && TransactionSynchronizationManager.getResourceMap().values().stream().anyMatch(Sessions::isTransacted));
    }

    /**
     * Checks for a transacted JMS session without a transaction manager. A separate class, because the JVM loads the exceptions
     * that a class catches together with that class.
     */
    private static final class Sessions {

        private static boolean isTransacted(Object resource) {
            try {
                return resource instanceof JmsResourceHolder holder && holder.getSession() != null && holder.getSession().getTransacted();
            } catch (JMSException e) {
                return false;
            }
        }
    }
}
