package dev.bactrian.file;

import org.apache.camel.spi.ExceptionHandler;

/** Camel's handler of what goes wrong with a file, of whose three methods one says it all. */
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
