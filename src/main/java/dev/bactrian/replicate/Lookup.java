package dev.bactrian.replicate;

import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.core.Poll;
import dev.bactrian.ledger.Intent;
import dev.bactrian.model.Model;
import org.apache.camel.Exchange;

/**
 * The search for the prediction of one create whose answer was lost, in the account's list of predictions (Replicate HTTP API
 * reference, predictions.list). Mutable, for one thread at a time.
 *
 * <p>A prediction is a candidate if it was created about when the create was sent, for the same model, and with the mark of the request
 * in its webhook; or, where the list shows no webhook, with the same input. The candidates are tried from the oldest to the
 * newest.
 */
final class Lookup {

    /** By how much the service's clock may differ from ours. */
    static final Duration SKEW = Duration.ofMinutes(1);

    /** The exchange property of the search. */
    private static final String PROPERTY = "BactrianLookup";
    /** The list is read this often before the create counts as not accepted. */
    private static final int SEARCHES = 2;
    private static final String INTERNAL = "replicate-internal/";
    /** A limit for a list without an end. It holds what the service's limit allows in ten minutes. */
    private static final int MOST_PAGES = 60;
    private static final Pattern QUERY = Pattern.compile("\\?([A-Za-z0-9._~%&=+:-]{1,2000})$");

    /** A prediction of the list. Whether its input is the same is null as long as the input is not known. */
    private record Candidate(String id, Boolean same) {
    }

    private final Model model;
    private final Instant since;
    private final Instant until;
    private final String hash;
    private final String mark;
    private final Deque<Candidate> candidates = new ArrayDeque<>();
    private final Set<String> foundByOthers = new HashSet<>();
    private boolean anotherFound;
    private Throwable lost;
    private Object failuresBefore;
    private String nextPage;
    private int pages;
    private boolean listed;
    private int searches;
    private int failures;
    private Duration delay = Duration.ZERO;
    private Duration refused = Duration.ZERO;
    private String found;
    private Throwable problem;
    private boolean pending;

    /**
     * Prepares a search.
     *
     * @param create  the create
     * @param until   the latest time at which it can have been accepted, or null for now
     * @param webhook its webhook, or null
     */
    Lookup(Model model, Intent create, Instant until, String webhook) {
        this.model = model;
        this.since = create.since().minus(SKEW);
        this.until = until == null ? null : until.plus(SKEW);
        this.hash = create.hash();
        // Without the rest of the URL, which may have been configured anew since.
        this.mark = webhook == null ? null : webhook.substring(webhook.lastIndexOf(Replicate.MARK));
    }

    /**
     * Begins the search.
     *
     * @param why      why the answer was lost, or null if the process that waited for it has ended
     * @param exchange keeps the number of its failures, which the calls of the search remove from the message
     */
    void begin(Throwable why, Exchange exchange) {
        lost = why;
        pending = true;
        failuresBefore = exchange.getMessage().getHeader(Exchange.REDELIVERY_COUNTER);
    }

    /** Ends the search and restores what it has removed from the message. */
    void end(Exchange exchange) {
        exchange.removeProperty(PROPERTY);
        if (failuresBefore != null) {
            exchange.getMessage().setHeader(Exchange.REDELIVERY_COUNTER, failuresBefore);
        }
    }

    static Lookup of(Exchange exchange) {
        return exchange.getProperty(PROPERTY, Lookup.class);
    }

    void in(Exchange exchange) {
        exchange.setProperty(PROPERTY, this);
    }

    static void remove(Exchange exchange) {
        exchange.removeProperty(PROPERTY);
    }

    Throwable lost() {
        return lost;
    }

    /** Returns the id of the prediction, or null if none was found. */
    String found() {
        return found;
    }

    /** Returns why the list could not be read, or null. */
    Throwable problem() {
        return problem;
    }

    /** Whether the search goes on. */
    boolean isPending() {
        return pending;
    }

    /** Returns the wait before the next call. */
    Duration delay() {
        return delay;
    }

    /** Returns the id of the oldest candidate of the page, or null if there is none left or no page was read. */
    String reads() {
        return listed && !candidates.isEmpty() ? candidates.getFirst().id() : null;
    }

    /** Returns the ids of the candidates from the oldest to the newest, or none before the last page was read. */
    List<String> candidates() {
        return listed ? candidates.stream().map(Candidate::id).toList() : List.of();
    }

    /** Returns the query of the page of the list to read next. */
    String query() {
        return nextPage != null ? nextPage : "created_after=" + encoded(since) + (until == null ? "" : "&created_before=" + encoded(until));
    }

    private static String encoded(Instant time) {
        return time.toString().replace(":", "%3A");
    }

    /** Reads a page of the list. Returns false if the answer is none. */
    boolean list(JsonNode page) {
        if (!page.path("results").isArray()) {
            return false;
        }
        failures = 0;
        delay = Duration.ZERO;
        page.get("results").forEach(this::listedEntry);
        Matcher next = QUERY.matcher(page.path("next").asText(""));
        nextPage = next.find() && ++pages < MOST_PAGES ? next.group(1) : null;
        // The oldest are on the last page; a newer one may be that of a create that is just being answered.
        listed = nextPage == null;
        return true;
    }

    private void listedEntry(JsonNode entry) {
        String id = entry.path("id").asText();
        if (Poll.isValidId(id) && !entry.path("source").asText().equals("web") && isInTime(entry) && isOfModel(entry)) {
            boolean marked = mark != null && entry.hasNonNull("webhook");
            Boolean same = marked ? Boolean.valueOf(entry.get("webhook").asText().endsWith(mark)) : hasInput(entry) ? Boolean.valueOf(isSame(entry)) : null;
            if (same == null || same) {
                // The newest is listed first.
                candidates.addFirst(new Candidate(id, same));
            }
        }
    }

    private static boolean hasInput(JsonNode prediction) {
        return prediction.path("input").isObject() && !prediction.get("input").isEmpty();
    }

    private boolean isSame(JsonNode prediction) {
        return hash.equals(InputHash.of(prediction.get("input")));
    }

    private boolean isInTime(JsonNode entry) {
        try {
            Instant created = OffsetDateTime.parse(entry.path("created_at").asText()).toInstant();
            return !created.isBefore(since) && (until == null || !created.isAfter(until));
        } catch (DateTimeParseException e) {
            return true;
        }
    }

    /** By its version or by the name of its model: the service may show another version, or an internal name, than the create named. */
    private boolean isOfModel(JsonNode entry) {
        String version = entry.path("version").asText();
        String name = entry.path("model").asText();
        return !version.isBlank() && model.version().endsWith(version) || name.isBlank() || name.startsWith(INTERNAL)
                || name.equals(model.id().replaceFirst(":.*", ""));
    }

    /** Whether the input of the oldest candidate has to be read first. */
    boolean isUnread() {
        return candidates.getFirst().same() == null;
    }

    /** Reads the oldest candidate itself. */
    void read(JsonNode prediction) {
        failures = 0;
        delay = Duration.ZERO;
        Candidate candidate = candidates.removeFirst();
        if (hasInput(prediction) && isSame(prediction)) {
            candidates.addFirst(new Candidate(candidate.id(), true));
        }
    }

    /**
     * Notes that another request with the same input has found this prediction. If it was not in the list at the search before, one more
     * follows the present one: the other request may have taken this one's prediction, and its own may be listed only now.
     */
    void foundByAnother(String prediction) {
        anotherFound |= foundByOthers.add(prediction);
    }

    /** Drops the oldest candidate. */
    void drop() {
        candidates.removeFirst();
    }

    /** Ends the search with the oldest candidate. */
    void found(String prediction) {
        found = prediction;
        pending = false;
    }

    /**
     * Goes on to the next page of the list. At its end, the next search follows after the delay; after the last one the search is over.
     */
    void next(Duration later) {
        listed = false;
        if (nextPage == null) {
            searches++;
            pages = 0;
            delay = later;
            pending = searches < SEARCHES || anotherFound;
            anotherFound = false;
        }
    }

    /** Counts a failed call and returns how many there were in a row. */
    int failed() {
        return ++failures;
    }

    /** Returns the number of failed calls in a row. */
    int failures() {
        return failures;
    }

    /** Makes the call again later, because the service's limit is used up. Returns for how long that has lasted. */
    Duration refused(Duration later) {
        delay = later;
        refused = refused.plus(later);
        return refused;
    }

    /** Makes the call again later. */
    void again(Duration later) {
        delay = later;
    }

    /** Ends the search because the list cannot be read. */
    void giveUp(Throwable why) {
        problem = why;
        pending = false;
    }
}
