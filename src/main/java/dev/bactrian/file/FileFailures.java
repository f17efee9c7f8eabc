package dev.bactrian.file;

import org.apache.camel.spi.ExceptionHandler;

/** Reduces the three methods of Camel's exception handler to one. */
interface FileFailures extends ExceptionHandler {

    @Override
    default void handleException(String message, Throwable exception) {
        handleException(message, null, exception);
    }

    @Override
    default void handleException(Throwable exception) {
        handleException(null, null, exception);
    }
}
