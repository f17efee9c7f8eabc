package dev.bactrian.flow;

import java.util.Objects;

import dev.bactrian.config.Settings.ImagesMode;
import dev.bactrian.core.Cancellation;
import dev.bactrian.core.Job;
import org.apache.camel.Exchange;

/**
 * What a trigger, such as the inbox, knows about a request before it is read: the exchange variable {@code bactrianTrigger}.
 *
 * @param defaultId the id of a request that has none, or null
 * @param delivery  distinguishes deliveries of the same request, for example by a file's time
 * @param attempt   the number of the delivery, from 1, or null if the trigger does not redeliver
 * @param input     {@code text} if the body is plain text, even if it looks like JSON; else {@code request} or null
 * @param batch     the cancellation of the batch or the call that the request is a part of, or null
 * @param reader    takes the answer as it arrives, or null
 * @param images    how the result has its images, or null as configured
 * @param detached  whether the caller of the route did not wait
 */
public record Trigger(String defaultId, String delivery, Integer attempt, String input, Cancellation batch, Job.Reader reader, ImagesMode images,
        boolean detached) {

    /** The name of the exchange variable. */
    static final String VARIABLE = "bactrianTrigger";

    /** No trigger: the request is of a route that waits for it. */
    public static final Trigger NONE = new Trigger(null, "", null, null);

    /** Creates the trigger of a request that is no line of a batch. */
    public Trigger(String defaultId, String delivery, Integer attempt, String input) {
        this(defaultId, delivery, attempt, input, null, null, null);
    }

    /** Creates the trigger of a request that is a line of a batch or part of a call. */
    public Trigger(String defaultId, String delivery, Integer attempt, String input, Cancellation batch, Job.Reader reader, ImagesMode images) {
        this(defaultId, delivery, attempt, input, batch, reader, images, false);
    }

    /** Creates a trigger. A null {@code delivery}, as of a message without an id, becomes empty. */
    public Trigger {
        delivery = Objects.requireNonNullElse(delivery, "");
    }

    /** Returns the trigger of an exchange, or an empty one if none is set. */
    public static Trigger of(Exchange exchange) {
        return exchange.getVariable(VARIABLE, NONE, Trigger.class);
    }

    /** Returns the same trigger for a request whose caller does not wait. */
    Trigger detach() {
        return new Trigger(defaultId, delivery, attempt, input, batch, reader, images, true);
    }

    /** Sets the exchange variable. */
    public void set(Exchange exchange) {
        exchange.setVariable(VARIABLE, this);
    }

    /** Removes the variable from a copy of an exchange: requests that are made on that copy are not the trigger's. */
    public static void remove(Exchange copy) {
        copy.removeVariable(VARIABLE);
    }
}
