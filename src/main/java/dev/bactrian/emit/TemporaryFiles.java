package dev.bactrian.emit;

import java.nio.file.Files;
import java.nio.file.Path;

import dev.bactrian.text.OneLineLogger;
import org.apache.camel.Endpoint;
import org.apache.camel.Exchange;
import org.apache.camel.component.file.FileEndpoint;
import org.apache.camel.component.file.GenericFileProducer;
import org.slf4j.Logger;

/**
 * Removes temporary files that Camel's file component leaves behind if it cannot write or rename them, for example when the disk is full.
 */
final class TemporaryFiles {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.emit");

    private TemporaryFiles() {
    }

    /** Removes the temporary file of a message that could not be written. Does nothing for other destinations. */
    static void remove(Exchange exchange) {
        String uri = exchange.getProperty(Exchange.TO_ENDPOINT, String.class);
        if (uri == null || !uri.startsWith("file:")) {
            return;
        }
        try {
            Endpoint endpoint = exchange.getContext().hasEndpoint(uri);
            if (endpoint instanceof FileEndpoint file && file.getTempFileName() != null) {
                GenericFileProducer<?> names = file.createProducer();
                Files.deleteIfExists(Path.of(names.createTempFileName(exchange, names.createFileName(exchange))));
            }
        } catch (Exception e) {
            // The delivery's failure is already reported.
            LOG.debug("a temporary file can't be removed", e);
        }
    }
}
