package dev.bactrian.core;

import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import org.apache.camel.Exchange;

/**
 * A request in work, and how far it has come: the exchange variable {@code bactrian} of the routes. What was asked is in its
 * {@link Generation}, which is null until the request is read.
 *
 * <p>Mutable. Copies of an exchange share it, so that what a step of a split or of an enrichment finds is known to the
 * whole; who goes on apart from the request takes a {@link #fork()}. Each request makes one of its own on a copy of its
 * caller's exchange: a variable of that name of the caller's, even of the same type, is never used. One thread at a time.
 */
public final class Job {

    /** The exchange variable. */
    public static final String VARIABLE = "bactrian";

    /** Who reads the chunks of a request's answer as they arrive. */
    public interface Reader {

        /** Whether the whole text is kept, for the result document. */
        boolean isTextKept();
    }

    private Generation generation;
    private Integer delivery;
    private boolean admitted;
    private Provider service;
    private Cancellation cancellation;
    private Reader channel;
    private String gate;
    private int attempts;
    private int spared;
    private long sparedSince;
    private Poll poll;
    private boolean pollDue;
    private int cancels;
    private PartialAnswer partial;
    private Answer answer;
    private ChunkSource chunks;
    private boolean duplicate;
    private String claimed;
    private GenerationFailure failure;
    private String summary;

    /** The job of an exchange; null where a request is not even begun. */
    public static Job of(Exchange exchange) {
        return exchange.getVariable(VARIABLE) instanceof Job job ? job : null;
    }

    /** The same, begun where there is none. */
    public static Job in(Exchange exchange) {
        Job job = of(exchange);
        return job != null ? job : begin(exchange);
    }

    /** Begins a request: whatever was in the variable is the caller's. */
    public static Job begin(Exchange exchange) {
        Job job = new Job();
        exchange.setVariable(VARIABLE, job);
        return job;
    }

    /** The job of a copy of a caller's exchange: a new one where the work on the copy was stopped before it began one. */
    public static Job ofCopy(Exchange caller, Exchange copy) {
        Job job = of(copy);
        return job == null || job == of(caller) ? begin(copy) : job;
    }

    /** What was asked on an exchange; null where that is not read. */
    public static Generation generation(Exchange exchange) {
        Job job = of(exchange);
        return job == null ? null : job.generation;
    }

    /** The same request, for an exchange that goes on apart from this one. */
    public Job fork() {
        Job job = new Job();
        job.generation = generation;
        job.delivery = delivery;
        job.service = service;
        job.cancellation = cancellation;
        job.channel = channel;
        job.poll = poll;
        return job;
    }

    /** What was asked; null until it is read, and again where an error must not go out under its id. */
    public Generation generation() {
        return generation;
    }

    /** It is read: what was asked, and the provider that is to answer it. */
    public void generation(Generation asked, Provider by) {
        generation = asked;
        service = by;
    }

    /** The provider that answers it. */
    public Provider service() {
        return service;
    }

    /** Whether it is read but not yet in work, as where the caller's copy has read it for this exchange. */
    public boolean isUnadmitted() {
        return generation != null && !admitted;
    }

    /** It is in work. */
    public void admit() {
        admitted = true;
    }

    /** Which delivery of a queue's message it is, from 1, or null where it came by another way. */
    public Integer delivery() {
        return delivery;
    }

    /** A queue has delivered it that often. */
    public void delivery(Integer times) {
        delivery = times;
    }

    /** Null until it is in work. */
    public Cancellation cancellation() {
        return cancellation;
    }

    /** What {@code direct:cancel} acts on. */
    public void cancellation(Cancellation asked) {
        cancellation = asked;
    }

    /** Whether its end was asked for. */
    public boolean isCancelled() {
        return cancellation != null && cancellation.isRequested();
    }

    /** Its outcome is known: from here on it is not cancelled. */
    public void settle() {
        if (cancellation != null) {
            cancellation.settle();
        }
    }

    /** The stream that its caller reads, or null. */
    public Reader channel() {
        return channel;
    }

    /** Its caller reads the chunks from that stream. */
    public void channel(Reader stream) {
        channel = stream;
    }

    /** Whether the text of its answer is kept, for the result document. */
    public boolean isTextKept() {
        return channel == null || channel.isTextKept();
    }

    /** The name of the gate that its last call has asked, or null. */
    public String gate() {
        return gate;
    }

    /** Its call asks that gate. */
    public void gate(String name) {
        gate = name;
    }

    /** How often the current step has failed. */
    public int attempts() {
        return attempts;
    }

    /** The current step has failed that often. */
    public void attempts(int failures) {
        attempts = failures;
    }

    /** How many of its failures are no attempts: 429s of a limit that others have used up. */
    public int spared() {
        return spared;
    }

    /** Since when it has such failures, by {@link System#nanoTime()}. */
    public long sparedSince(long now) {
        return spared == 0 ? now : sparedSince;
    }

    /** How often the current step has failed, less what is no attempt. */
    public int tries() {
        return attempts - spared;
    }

    /** One more of its failures is no attempt. */
    public void spare(long now) {
        sparedSince = sparedSince(now);
        spared++;
    }

    /** How far the provider's work on it has come, or null where the provider is not polled or has not begun. */
    public Poll poll() {
        return poll;
    }

    /** The provider's work on it has come that far. */
    public void poll(Poll state) {
        poll = state;
    }

    /** Whether the poll is to be made, and not its delay alone waited for. */
    public boolean isPollDue() {
        return pollDue;
    }

    /** Whether the poll is to be made. */
    public void markPollDue(boolean due) {
        pollDue = due;
    }

    /** How often its cancel was sent to the provider. */
    public int cancels() {
        return cancels;
    }

    /** Its cancel is sent once more. */
    public void cancelSent() {
        cancels++;
    }

    /** Whether the provider has answered the call that it was started with. */
    public boolean isAnswered() {
        return answer != null || poll != null;
    }

    /** What the provider has answered, or null. */
    public Answer answer() {
        return answer;
    }

    /** The provider answers that; its pieces of text are in the second, or null where they are not to be emitted. */
    public void answer(Answer whole, ChunkSource pieces) {
        answer = whole;
        chunks = pieces;
    }

    /** What has come of an answer that is read while polls decide how it ends; null where nothing is. */
    public PartialAnswer partial() {
        return partial;
    }

    /** The answer is read while polls decide how it ends. */
    public <T extends PartialAnswer & ChunkSource> void partial(T part) {
        partial = part;
        chunks = part;
    }

    /** What has come of its answer, or null. */
    public PartialAnswer sofar() {
        return answer != null ? answer : partial;
    }

    /** Lets go of all that takes up memory. */
    public void forget() {
        answer = null;
        partial = null;
        chunks = null;
        poll = poll == null ? null : poll.withoutOutput();
    }

    /** Whether its message was sent twice. */
    public boolean isDuplicate() {
        return duplicate;
    }

    /** Its message was sent twice. */
    public void markDuplicate() {
        duplicate = true;
    }

    /** The id that was claimed for its message, or null. */
    public String claimed() {
        return claimed;
    }

    /** That id is claimed for its message. */
    public void claimed(String id) {
        claimed = id;
    }

    /** Why it has failed, or null. */
    public GenerationFailure failure() {
        return failure;
    }

    /** It has failed. */
    public void failure(GenerationFailure why) {
        failure = why;
    }

    /** Its result or error document for the log, in one line; null until there is one. */
    public String summary() {
        return summary;
    }

    /** Its document is made. */
    public void summarize(String line) {
        summary = line;
    }

    /** Whether it must be polled again. */
    public boolean isPending() {
        return poll != null && failure == null && poll.isPending();
    }

    /** Whether the provider's work on it is given up, and must not go on at the user's cost. */
    public boolean isAbandoned() {
        return poll != null && answer == null && !poll.isEnded();
    }

    /** The pieces of its text, or null. */
    public ChunkSource chunks() {
        return chunks;
    }
}
