package dev.bactrian.file;

import java.io.File;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Steps;
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
import org.apache.camel.component.file.OptimizedFileFilter;
import org.slf4j.Logger;

/**
 * Decides which files of the inbox are requests and when they are complete, and reads them, for
 * {@code routes/from-file.camel.yaml}. Others may write to the inbox, so only regular files are read and no link is followed.
 */
public final class Inbox implements CamelContextAware, OptimizedFileFilter, FileFailures {

    static final Logger LOG = OneLineLogger.of("dev.bactrian.file");

    /** A file counts as complete once it has not been written to for this long. */
    private static final long WHOLE_AFTER_MILLIS = 1000;
    private static final long PAUSE_MILLIS = 200;
    /** The most files of one poll (see the route): each takes memory until it is processed. From a fuller inbox, the oldest are chosen. */
    private static final int MOST_AT_ONCE = 2000;
    /** The encoding in which Java reads and writes file names. */
    private static final String ENCODING = System.getProperty("sun.jnu.encoding");

    /** A file with a modification time in the future, and since when it has been unchanged. */
    private record Ahead(Entry entry, long sinceNanos) {

        boolean isWhole() {
            return System.nanoTime() - sinceNanos > TimeUnit.MILLISECONDS.toNanos(WHOLE_AFTER_MILLIS);
        }
    }

    /** A file that may be a request, and its modification time in milliseconds since 1970. */
    private record Waiting(String name, long modified) {
        private static final Comparator<Waiting> OLDEST_FIRST = Comparator.comparingLong(Waiting::modified).thenComparing(Waiting::name);
    }

    private final Remarks remarks = new Remarks(LOG);
    /** Files whose requests are done but that could not be moved, as they were then. They must not be processed and paid for again. */
    private final Map<String, Entry> stuck = new ConcurrentHashMap<>();
    private final Map<String, Ahead> ahead = new ConcurrentHashMap<>();
    /** The names of the files that are next; null for all. */
    private volatile Set<String> next;
    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        Steps.of(camelContext, "bactrianInbox", Inbox.class).step("take", Inbox::take).step("open", Inbox::open);
    }

    /** Whether the file is among the next ones of a full inbox; null if {@link #accept(GenericFile)} decides. */
    @Override
    public Boolean accept(String name) {
        Set<String> chosen = next;
        return chosen == null || chosen.contains(name) ? null : Boolean.FALSE;
    }

    /**
     * Whether the file is a request that can be processed now. A file that is still being written waits for a later poll. A file
     * that can never be processed is logged once, and not at each poll. Temporary files of other programs are ignored.
     */
    @Override
    @SuppressWarnings("rawtypes")
    public boolean accept(GenericFile file) {
        File found = (File) file.getFile();
        try {
            return whole(found.toPath()) != null;
        } catch (InvalidPathException e) {
            warnOfLocale(found.getName());
            return false;
        }
    }

    /** Returns the entry of that path if it is a request that can be processed now, or else null. */
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
            // The file is gone, or Java cannot represent its name.
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
        // The modification time is useless: a clock was set back, or an archive has another time zone.
        return ahead.compute(name, (n, before) -> before != null && entry.isAsBefore(before.entry) ? before : new Ahead(entry, System.nanoTime()))
                .isWhole();
    }

    /** Logs once why a file stays in the inbox. */
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

    /**
     * Logs files that polls do not report, such as a link to a folder, and forgets files that are gone. If there are more files than one
     * poll takes, chooses the oldest.
     */
    void survey(File folder) {
        String[] names = folder.list();
        if (names == null) {
            return;
        }
        // Listed in the same way as by polls: under another locale, another API may return other names for the same files.
        Set<String> there = new HashSet<>(Arrays.asList(names));
        List<Waiting> waiting = new ArrayList<>();
        for (String name : names) {
            if (InboxNames.isLeftover(name) || name.endsWith(InboxNames.LOCK)) {
                continue;
            }
            BasicFileAttributes entry = entry(folder, name);
            if (entry == null) {
                continue;
            } else if (entry.isSymbolicLink()) {
                leave(name, Entry.IS_A_LINK);
            } else if (!there.contains(InboxNames.lock(name))) {
                waiting.add(new Waiting(name, entry.lastModifiedTime().toMillis()));
            }
        }
        next = names.length <= MOST_AT_ONCE ? null : oldest(folder, waiting);
        remarks.keep(there);
        stuck.keySet().retainAll(there);
        ahead.keySet().retainAll(there);
    }

    private BasicFileAttributes entry(File folder, String name) {
        try {
            return Files.readAttributes(folder.toPath().resolve(name), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        } catch (IOException e) {
            // The file is gone, or Java cannot represent its name. A poll of a full inbox does not look at it.
            if (isMangled(name)) {
                warnOfLocale(name);
            }
        } catch (InvalidPathException e) {
            warnOfLocale(name);
        }
        return null;
    }

    private Set<String> oldest(File folder, List<Waiting> waiting) {
        waiting.sort(Waiting.OLDEST_FIRST);
        Set<String> oldest = new HashSet<>();
        for (Waiting file : waiting) {
            if (oldest.size() == MOST_AT_ONCE) {
                break;
            } else if (whole(folder.toPath().resolve(file.name())) != null) {
                oldest.add(file.name());
            }
        }
        return oldest;
    }

    /** Stops the route if the application is stopping: a file that waited for its turn until then stays in the inbox. */
    public void take(Exchange exchange) {
        if (isStopping()) {
            exchange.setRouteStop(true);
        }
    }

    /**
     * Sets the body to the content of the file, and the variables that {@link Requests} expects from a trigger. A file that turns
     * out to be unreadable stays in the inbox. Waits while the process has no free file descriptor.
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

    /** An action on a file. */
    interface Action {
        void run() throws IOException;
    }

    /** Repeats the action while the process has no free file descriptor and the application is not stopping. */
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
     * Logs on one line that a file could not be moved. While the application stops this is expected, because parts of Camel may be
     * gone already.
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
                // The file has just gone, so there is nothing to remember.
            }
        }
    }

    /** Returns the message of the failure, with words for exceptions of which only the class says what is wrong. */
    static String reason(Throwable failure) {
        String words = Cause.words(failure);
        return failure instanceof AccessDeniedException ? "no access to " + words
                : failure instanceof NoSuchFileException gone && gone.getReason() == null ? words + " is gone" : words;
    }
}
