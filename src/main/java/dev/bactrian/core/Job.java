package dev.bactrian.core;

import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Cost;
import org.apache.camel.Exchange;

/**
 * The state of a request while it is processed: the exchange variable {@code bactrian} of the routes. The request itself is its
 * {@link Generation}, which is null until the request is read.
 *
 * <p>Mutable, for one thread at a time. Copies of an exchange share the job, so that the steps of a split or an enrichment can change it;
 * an exchange that continues independently gets a {@link #fork()}. Each request creates its own job on a copy of the caller's exchange. A
 * variable of that name that the caller has set is never used, even if it has the same type.
 */
public final class Job {

    /** The name of the exchange variable. */
    public static final String VARIABLE = "bactrian";

    /** A consumer of the answer of a request as it arrives. */
    public interface Reader {

        /** Whether the whole text is kept for the result document. */
        boolean isTextKept();

        /** Takes the next chunk, and waits while it is behind. Returns false if it takes no more. */
        boolean put(String chunk) throws InterruptedException;

        /** Takes a part of the answer that is not text. */
        default void put(Delta delta) throws InterruptedException {
        }
    }

    /**
     * A part of a chat's answer beside its text, as it arrives.
     *
     * @param reasoning the next piece of the reasoning; empty if there is none
     * @param refusal   the next piece of a refusal; empty if there is none
     * @param toolCalls pieces of tool calls, as the service sends them
     */
    public record Delta(String reasoning, String refusal, List<JsonNode> toolCalls) {
    }

    private Generation generation;
    private Integer deliveryCount;
    private boolean admitted;
    private Provider provider;
    private Cancellation cancellation;
    private Reader reader;
    private Progress progress;
    private String gate;
    private Attempts attempts = new Attempts();
    private boolean turn = true;
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
    private Cost cost;

    /** Returns the job of an exchange, or null if none was begun. */
    public static Job of(Exchange exchange) {
        return exchange.getVariable(VARIABLE) instanceof Job job ? job : null;
    }

    /** Returns the job of an exchange and begins one if there is none. */
    public static Job in(Exchange exchange) {
        Job job = of(exchange);
        return job != null ? job : begin(exchange);
    }

    /** Begins a new job and replaces the variable, which may be the caller's. */
    public static Job begin(Exchange exchange) {
        Job job = new Job();
        exchange.setVariable(VARIABLE, job);
        return job;
    }

    /** Returns the job of a copy of the caller's exchange. Begins a new one if processing the copy ended before it had one of its own. */
    public static Job ofCopy(Exchange caller, Exchange copy) {
        Job job = of(copy);
        return job == null || job == of(caller) ? begin(copy) : job;
    }

    /** Returns the request of an exchange, or null if it is not read yet. */
    public static Generation generation(Exchange exchange) {
        Job job = of(exchange);
        return job == null ? null : job.generation;
    }

    /** Returns a job of the same request for an exchange that continues independently. */
    public Job fork() {
        Job job = new Job();
        job.generation = generation;
        job.deliveryCount = deliveryCount;
        job.provider = provider;
        job.cancellation = cancellation;
        job.reader = reader;
        job.progress = progress;
        job.poll = poll;
        return job;
    }

    /** Returns the request. Null until it is read, and also if its error document must not carry its id. */
    public Generation generation() {
        return generation;
    }

    /** Sets the request and the provider that answers it. */
    public void generation(Generation asked, Provider by) {
        generation = asked;
        provider = by;
    }

    /**
     * Whether a model is to be tried or polled now. True once, and once more time after {@link #giveTurn}, so call it once for each turn.
     */
    public boolean takeTurn() {
        boolean taken = turn;
        turn = false;
        return taken;
    }

    /** Makes {@link #takeTurn} return true once more. */
    public void giveTurn() {
        turn = true;
    }

    /** Goes on with another model: forgets all that belongs to the one before, and can be cancelled again. */
    public void next(Generation other, Provider by) {
        if (answer != null) {
            answer.leave();
        }
        generation(other, by);
        attempts = new Attempts();
        gate = null;
        poll = null;
        pollDue = false;
        cancels = 0;
        answer = null;
        partial = null;
        chunks = null;
        if (cancellation != null) {
            cancellation.take();
        }
    }

    /** Returns the provider that answers the request. */
    public Provider provider() {
        return provider;
    }

    /** Whether the request is read but not admitted, for example because it was read on a copy of the caller's exchange. */
    public boolean isUnadmitted() {
        return generation != null && !admitted;
    }

    /** Marks the request as admitted. */
    public void admit() {
        admitted = true;
    }

    /** Returns the number of the delivery of a queue's message, from 1, or null if the request does not come from a queue. */
    public Integer deliveryCount() {
        return deliveryCount;
    }

    /** Sets the number of the delivery of a queue's message. */
    public void deliveryCount(Integer times) {
        deliveryCount = times;
    }

    /** Returns the cancellation, or null before the request is admitted. */
    public Cancellation cancellation() {
        return cancellation;
    }

    /** Sets the cancellation that {@code direct:cancel} acts on. */
    public void cancellation(Cancellation asked) {
        cancellation = asked;
    }

    /** Whether a cancellation was requested. */
    public boolean isCancelled() {
        return cancellation != null && cancellation.isRequested();
    }

    /** Marks the outcome as known. From here on the request cannot be cancelled. */
    public void settle() {
        if (cancellation != null) {
            cancellation.settle();
        }
    }

    /** Returns the consumer that reads the chunks, or null. */
    public Reader reader() {
        return reader;
    }

    /** Sets the consumer that reads the chunks. */
    public void reader(Reader stream) {
        reader = stream;
    }

    /** Returns what follows the request, or null. */
    public Progress progress() {
        return progress;
    }

    /** Sets what follows the request. */
    public void progress(Progress follower) {
        progress = follower;
    }

    /** Whether the text of the answer is kept for the result document. */
    public boolean isTextKept() {
        return reader == null || reader.isTextKept();
    }

    /** Returns the name of the gate that the last call has passed, with the number of its ticket, or null. */
    public String gate() {
        return gate;
    }

    /** Sets the name of the gate that the call has to pass, with the number of its ticket. */
    public void gate(String name) {
        gate = name;
    }

    /** Returns the failures of the current step. */
    public Attempts attempts() {
        return attempts;
    }

    /** Returns the state of the provider's work, or null if the provider is not polled or has not started. */
    public Poll poll() {
        return poll;
    }

    /** Sets the state of the provider's work. */
    public void poll(Poll state) {
        poll = state;
        if (progress != null && state != null) {
            progress.polled(state);
        }
    }

    /** Whether the poll is due. If not, the routes only wait for its delay. */
    public boolean isPollDue() {
        return pollDue;
    }

    /** Sets whether the poll is due. */
    public void markPollDue(boolean due) {
        pollDue = due;
    }

    /** Returns how often a cancel call was sent to the provider. */
    public int cancels() {
        return cancels;
    }

    /** Counts a cancel call that is sent to the provider. */
    public void cancelSent() {
        cancels++;
    }

    /** Whether the provider has answered the first call. */
    public boolean isAnswered() {
        return answer != null || poll != null;
    }

    /** Returns the provider's answer, or null. */
    public Answer answer() {
        return answer;
    }

    /** Sets the provider's answer. The chunks are null if they are not to be emitted. */
    public void answer(Answer whole, ChunkSource pieces) {
        answer = whole;
        chunks = pieces;
    }

    /** Returns the answer that is streamed while polls decide the outcome, or null if none is. */
    public PartialAnswer partial() {
        return partial;
    }

    /** Sets the answer that is streamed while polls decide the outcome. */
    public <T extends PartialAnswer & ChunkSource> void partial(T part) {
        partial = part;
        chunks = part;
    }

    /** Returns what has arrived of the answer, or null. */
    public PartialAnswer arrived() {
        return answer != null ? answer : partial;
    }

    /** Releases everything that takes up much memory. */
    public void forget() {
        answer = null;
        partial = null;
        chunks = null;
        poll = poll == null ? null : poll.withoutOutput();
    }

    /** Whether the message is a duplicate. */
    public boolean isDuplicate() {
        return duplicate;
    }

    /** Marks the message as a duplicate. */
    public void markDuplicate() {
        duplicate = true;
    }

    /** Returns the id that was claimed for the message, or null. */
    public String claimed() {
        return claimed;
    }

    /** Records the id that was claimed for the message. */
    public void claimed(String id) {
        claimed = id;
    }

    /** Returns why the request failed, or null. */
    public GenerationFailure failure() {
        return failure;
    }

    /** Records why the request failed. */
    public void failure(GenerationFailure why) {
        failure = why;
    }

    /** Returns the result or error document for the log, in one line, or null if there is none yet. */
    public String summary() {
        return summary;
    }

    /** Sets the result or error document for the log. */
    public void summarize(String line) {
        summary = line;
    }

    /** Returns the cost that was recorded for the request, or null. */
    public Cost cost() {
        return cost;
    }

    /** Sets the cost that was recorded for the request. */
    public void cost(Cost recorded) {
        cost = recorded;
    }

    /** Whether the provider must be polled again. */
    public boolean isPending() {
        return poll != null && failure == null && poll.isPending();
    }

    /** Whether the request has ended but the provider's work has not; the work must be cancelled, because the user pays for it. */
    public boolean isAbandoned() {
        return poll != null && answer == null && !poll.isEnded();
    }

    /** Returns the chunks of the answer, or null. */
    public ChunkSource chunks() {
        return chunks;
    }
}
