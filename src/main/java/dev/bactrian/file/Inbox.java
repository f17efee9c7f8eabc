package dev.bactrian.file;

import java.io.File;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.error.Cause;
import dev.bactrian.flow.Trigger;
import dev.bactrian.request.RequestId;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.threads.Descriptors;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.ExchangePropertyKey;
import org.apache.camel.component.file.GenericFile;
import org.apache.camel.component.file.GenericFileFilter;
import org.slf4j.Logger;

/**
 * What {@code routes/from-file.camel.yaml} can't say itself: which files are requests, when they are whole, what they
 * hold. Others may write to the inbox: regular files alone are read, and no link is followed.
 */
public final class Inbox implements CamelContextAware, GenericFileFilter<File>, FileFailures {

    static final Logger LOG = OneLineLogger.of("dev.bactrian.file");

    /** A file is whole once nobody has written to it for this long. */
    private static final long WHOLE_AFTER_MILLIS = 1000;
    private static final long PAUSE_MILLIS = 200;
    /** In which Java reads and writes the names of files. */
    private static final String ENCODING = System.getProperty("sun.jnu.encoding");

    /** A file whose time lies ahead, and since when it has been as it is. */
    private record Ahead(Entry entry, long sinceNanos) {

        boolean isWhole() {
            return System.nanoTime() - sinceNanos > TimeUnit.MILLISECONDS.toNanos(WHOLE_AFTER_MILLIS);
        }
    }

    private final Remarks remarks = new Remarks(LOG);
    /** Files that are done and could not be moved, as they were then: taken again, they would be paid for again. */
    private final Map<String, Entry> stuck = new ConcurrentHashMap<>();
    private final Map<String, Ahead> ahead = new ConcurrentHashMap<>();
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
     * Whether a file is a request that can be taken now. One that is still being written is left to a later poll. What
     * can't be taken at all is said once, so that it does not fail at each poll; what programs leave for themselves is passed over.
     */
    @Override
    public boolean accept(GenericFile<File> file) {
        try {
            return whole(file.getFile().toPath()) != null;
        } catch (InvalidPathException e) {
            warnOfLocale(file.getFile().getName());
            return false;
        }
    }

    /** The file of that path as it is, where it is a request that can be taken now; null where it is not. */
    Entry whole(Path path) {
        String name = path.getFileName().toString();
        if (InboxNames.isLeftover(name)) {
            return null;
        }
        try {
            Entry entry = Entry.of(path);
            String refusal = refusal(path, entry);
            if (refusal != null) {
                leave(name, refusal);
                return null;
            }
            return entry.isAsBefore(stuck.get(name)) || !isWhole(name, entry) ? null : entry;
        } catch (IOException e) {
            // Gone by now, or listed under a name that it does not have.
            if (isMangled(name)) {
                warnOfLocale(name);
            }
            return null;
        }
    }

    private static String refusal(Path path, Entry entry) throws IOException {
        String refusal = entry.refusal();
        if (refusal != null || entry.kind() != Entry.Kind.FILE) {
            return refusal;
        } else if (!Files.isReadable(path)) {
            return "it can't be read";
        }
        return User.mayMove(path.toAbsolutePath().getParent(), entry.owner()) ? null : "it belongs to another user and could not be moved out of this folder";
    }

    private boolean isWhole(String name, Entry entry) {
        long age = System.currentTimeMillis() - entry.modified();
        if (age >= 0) {
            ahead.remove(name);
            return age > WHOLE_AFTER_MILLIS;
        }
        // Its time says nothing, by a clock that was set back or the time zone of an archive.
        return ahead.compute(name, (n, before) -> before != null && entry.isAsBefore(before.entry) ? before : new Ahead(entry, System.nanoTime()))
                .isWhole();
    }

    /** Says once why a file is left where it is. */
    void leave(String name, String why) {
        remarks.once(name, "{}: is left in the inbox: {}", name, why);
    }

    private static boolean isMangled(String name) {
        return "UTF-8".equals(ENCODING) ? name.indexOf('\uFFFD') >= 0 : !name.chars().allMatch(c -> c < 128 && c != '?');
    }

    private void warnOfLocale(String name) {
        if ("UTF-8".equals(ENCODING)) {
            leave(name, "its name is not UTF-8");
            return;
        }
        remarks.once(name, "The file '{}' can't be opened under this locale (sun.jnu.encoding={}) and is left in the inbox; "
                + "start the service with LC_ALL=C.UTF-8", name, ENCODING);
    }

    /** Says what no poll meets, such as a link to a folder, and forgets what is gone. */
    void survey(File folder) {
        String[] names = folder.list();
        if (names == null) {
            return;
        }
        for (String name : names) {
            try {
                if (!InboxNames.isLeftover(name) && Files.isSymbolicLink(folder.toPath().resolve(name))) {
                    leave(name, Entry.IS_A_LINK);
                }
            } catch (InvalidPathException e) {
                // The poll has told.
            }
        }
        // As the polls have them: the same files listed in another way may have other names under a strange locale.
        Set<String> there = new HashSet<>(Arrays.asList(names));
        remarks.keep(there);
        stuck.keySet().retainAll(there);
        ahead.keySet().retainAll(there);
    }

    /** Takes no file once the application stops: one that has waited for its turn until then stays in the inbox. */
    public void take(Exchange exchange) {
        if (isStopping()) {
            exchange.setRouteStop(true);
        }
    }

    /**
     * Sets the body to the file's content, and the variables that {@link Requests} reads of a trigger. A file that can't be opened
     * after all stays in the inbox; where nothing can be opened at the moment, this waits.
     */
    public void open(Exchange exchange) throws InterruptedException {
        TakenFile file = TakenFile.of(exchange);
        try {
            retry(() -> exchange.getMessage().setBody(file.open()));
            new Trigger(InboxNames.defaultId(file.name()), exchange.getMessage().getHeader(Exchange.FILE_LAST_MODIFIED, String.class), null,
                    Settings.of(camelContext).require(Property.FILE_INPUT)).set(exchange);
            sayWhereItGoes(file.name());
        } catch (IOException e) {
            leave(file.name(), reason(e));
            file.leave();
            exchange.setRouteStop(true);
        }
    }

    private void sayWhereItGoes(String name) {
        String oddity = InboxNames.oddity(name);
        if (oddity != null) {
            remarks.once(name, "{}: the name {}; where the request brings no id, its outcome goes out as {}", name, oddity,
                    RequestId.fit(InboxNames.defaultId(name)));
        }
    }

    /** Something that is done with a file. */
    interface Action {
        void run() throws IOException;
    }

    /** Does it again for as long as the process may not open more files and the application does not stop. */
    void retry(Action action) throws IOException, InterruptedException {
        while (true) {
            try {
                action.run();
                return;
            } catch (IOException e) {
                if (!Descriptors.areExhausted(e) || isStopping()) {
                    throw e;
                }
            }
            TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
        }
    }

    boolean isStopping() {
        return camelContext.isStopping() || camelContext.isStopped();
    }

    /**
     * Says on one line that a file was not moved. While the application stops that is as it should be, whatever of
     * Camel was gone by then: the file may not have been reached.
     */
    @Override
    public void handleException(String message, Exchange exchange, Throwable exception) {
        GenericFile<?> file = exchange == null ? null : exchange.getProperty(ExchangePropertyKey.FILE_EXCHANGE_FILE, GenericFile.class);
        String name = file != null && file.getFile() instanceof File there ? there.getName() : "a file";
        if (isStopping()) {
            LOG.info("{}: stays in the inbox for the next start", name);
            return;
        }
        if (file != null && file.getFile() instanceof File there) {
            leaveUntilItChanges(there.toPath(), TakenFile.of(exchange));
        }
        LOG.warn("{}: could not be moved out of the inbox, where it is left alone until it changes or the next start: {}", name, reason(exception));
    }

    private void leaveUntilItChanges(Path path, TakenFile taken) {
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            try {
                stuck.put(path.getFileName().toString(), taken == null ? Entry.of(path) : taken.entry());
            } catch (IOException e) {
                // Gone just now: nothing is to be left alone.
            }
        }
    }

    /** In words what the class alone says of some failures of files. */
    static String reason(Throwable failure) {
        String words = Cause.words(failure);
        return failure instanceof AccessDeniedException ? "no access to " + words
                : failure instanceof NoSuchFileException gone && gone.getReason() == null ? words + " is gone" : words;
    }
}
