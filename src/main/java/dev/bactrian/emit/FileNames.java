package dev.bactrian.emit;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

import dev.bactrian.text.OneLineLogger;
import org.apache.camel.Exchange;
import org.apache.camel.component.file.FileEndpoint;
import org.apache.camel.component.file.GenericFileExist;
import org.apache.camel.component.file.GenericFileProducer;
import org.slf4j.Logger;

/** The names of the files that results and errors become. */
final class FileNames {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.emit");
    private static final String ERROR = ".error";

    /** No id holds it, so what ends in it is the name of no other. */
    private static final String MARK = "~";

    private FileNames() {
    }

    /**
     * What stands for an id in the name of its result's file: the id, but for one that ends in {@code .error}, in whatever
     * letters. {@code app.error.json} is where the error of {@code app} goes.
     */
    static String ofResult(String id) {
        return id.toLowerCase(Locale.ROOT).endsWith(ERROR) ? id + MARK : id;
    }

    /** Says where a message to that URI is about to replace a file, as far as that can be known. */
    static void warnOfReplaced(Exchange exchange, String uri, String id) {
        try {
            if (exchange.getContext().getEndpoint(uri) instanceof FileEndpoint endpoint && endpoint.getFileExist() == GenericFileExist.Override) {
                GenericFileProducer<?> producer = (GenericFileProducer<?>) endpoint.createProducer();
                Path file = Path.of(producer.createFileName(exchange));
                if (Files.exists(file)) {
                    LOG.warn("{}: {} is there already, the outcome of an earlier request, and is replaced", id, file);
                }
            }
        } catch (Exception e) {
            LOG.debug("{}: not known whether a file is replaced: {}", id, e.toString());
        }
    }
}
