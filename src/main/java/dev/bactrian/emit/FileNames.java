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

/** The names of result and error files. */
final class FileNames {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.emit");
    private static final String ERROR = ".error";
    /** The end of the name of a file with the outcomes of a batch. */
    static final String BATCH = ".results.jsonl";

    /** Ids cannot contain it, so a name that ends in it belongs to no other id. */
    private static final String MARK = "~";

    private FileNames() {
    }

    /**
     * Returns the id for the name of a result file. An id that ends in {@code .error}, in any case, gets a mark, because
     * {@code app.error.json} is the error file of {@code app}.
     */
    static String ofResult(String id) {
        return id.toLowerCase(Locale.ROOT).endsWith(ERROR) ? id + MARK : id;
    }

    /** Warns if a message to that URI is about to overwrite a file, as far as that can be known. */
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
