package dev.bactrian.file;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.error.Cause;
import dev.bactrian.generate.Headers;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangePropertyKey;
import org.apache.camel.component.file.GenericFile;
import org.apache.camel.component.file.GenericFileFilter;
import org.apache.camel.spi.ExceptionHandler;
import org.slf4j.Logger;

/** What {@code routes/from-file.camel.yaml} can't say itself: which files can be read, and where a file goes in the end. */
public final class Inbox implements CamelContextAware, GenericFileFilter<File>, ExceptionHandler {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.file");
    private static final DateTimeFormatter TIMESTAMP = DateTimeFormatter.ofPattern("yyyyMMddHHmmssSSS", Locale.ROOT);

    /** A file is whole once nobody has written to it for this long. */
    private static final long WHOLE_AFTER_MILLIS = 1000;

    private final Set<String> unreadable = ConcurrentHashMap.newKeySet();
    /** Files that are done and could not be moved, as they were then: taken again, they would be paid for again. */
    private final Map<String, Long> stuck = new ConcurrentHashMap<>();
    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /**
     * Leaves a file that is still being written to a later poll: the read lock would wait for it, and every other file
     * with it. Leaves out a file that the JVM lists but can't open: under a C locale, one whose name is not ASCII. Says
     * so once, so that it does not fail at each poll.
     */
    @Override
    public boolean accept(GenericFile<File> file) {
        if (file.isDirectory()) {
            return true;
        } else if (file.getFile().exists()) {
            long modified = file.getFile().lastModified();
            return System.currentTimeMillis() - modified > WHOLE_AFTER_MILLIS && !Long.valueOf(modified).equals(stuck.get(file.getFileName()));
        }
        if (!file.getFileName().chars().allMatch(c -> c < 128 && c != '?') && unreadable.add(file.getFileName())) {
            LOG.warn("The file '{}' can't be opened under this locale (sun.jnu.encoding={}) and is left in the inbox; "
                    + "start the service with LC_ALL=C.UTF-8", file.getFileName(), System.getProperty("sun.jnu.encoding"));
        }
        return false;
    }

    /** Takes no file once the application stops: one that has waited for its turn until then stays in the inbox. */
    public void take(Exchange exchange) {
        if (isStopping()) {
            exchange.setRouteStop(true);
        }
    }

    /**
     * Where a file goes whose outcome is safe: {@code .done} or {@code .failed}.
     *
     * @throws IllegalStateException where there is no outcome because it was not taken
     */
    public String done(Exchange exchange) {
        Object status = exchange.getMessage().getHeader(Headers.STATUS);
        if (status == null) {
            throw new IllegalStateException("not taken; the file stays in the inbox for the next start");
        }
        return free("succeeded".equals(status) ? ".done" : ".failed", exchange);
    }

    /**
     * A file whose request could not be brought to an end stays where it is: nothing says what came of it.
     *
     * @throws IllegalStateException in any case: this is how the file component lets it
     */
    public String failed(Exchange exchange) {
        if (isStopping()) {
            throw new IllegalStateException("stopped before its work was done; the file stays in the inbox for the next start");
        }
        boolean why = exchange.getException() != null || exchange.getProperty(Exchange.EXCEPTION_CAUGHT) != null;
        throw new IllegalStateException("it has no outcome" + (why ? ": " + Cause.words(Cause.of(exchange)) : ""));
    }

    private boolean isStopping() {
        return camelContext.isStopping() || camelContext.isStopped();
    }

    /**
     * Says on one line that a file was not moved. While the application stops that is as it should be, whatever of
     * Camel was gone by then: {@link #failed} may not have been reached.
     */
    @Override
    public void handleException(String message, Exchange exchange, Throwable exception) {
        GenericFile<?> file = exchange == null ? null : exchange.getProperty(ExchangePropertyKey.FILE_EXCHANGE_FILE, GenericFile.class);
        String name = file == null ? "a file" : file.getFileName();
        if (isStopping()) {
            LOG.info("{}: stays in the inbox for the next start", name);
            return;
        }
        if (file != null && file.getFile() instanceof File there && there.exists()) {
            stuck.put(name, file.getLastModified());
        }
        LOG.warn("{}: could not be moved out of the inbox, where it is left alone until it changes or the next start: {}",
                name, exception.getMessage());
    }

    @Override
    public void handleException(String message, Throwable exception) {
        handleException(message, null, exception);
    }

    @Override
    public void handleException(Throwable exception) {
        handleException(null, null, exception);
    }

    /** The file's own name in that folder, with a time in front where one of that name is there already. */
    private String free(String folder, Exchange exchange) {
        String name = exchange.getMessage().getHeader(Exchange.FILE_NAME_ONLY, String.class);
        Path taken = Path.of(Settings.of(camelContext).require(Property.FILE_INBOX), folder, name);
        return folder + "/" + (Files.exists(taken) ? TIMESTAMP.format(LocalDateTime.now()) + "-" + name : name);
    }
}
