package dev.bactrian.emit;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

import org.apache.camel.Exchange;
import org.apache.camel.component.file.FileEndpoint;
import org.apache.camel.component.file.GenericFileExist;
import org.apache.camel.component.file.GenericFileProducer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The names of the files that results and errors become. */
final class FileNames {

    private static final Logger LOG = LoggerFactory.getLogger("dev.bactrian.emit");
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

    /** The file that a message to that URI is about to replace; empty where it replaces none, or where that can't be known. */
    static Optional<Path> replaced(Exchange exchange, String uri) {
        try {
            if (exchange.getContext().getEndpoint(uri) instanceof FileEndpoint endpoint && endpoint.getFileExist() == GenericFileExist.Override) {
                GenericFileProducer<?> producer = (GenericFileProducer<?>) endpoint.createProducer();
                return Optional.of(Path.of(producer.createFileName(exchange))).filter(Files::exists);
            }
        } catch (Exception e) {
            LOG.debug("Not known whether a file is replaced: {}", e.toString());
        }
        return Optional.empty();
    }
}
