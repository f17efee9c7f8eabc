package dev.bactrian.flow;

import org.apache.camel.Exchange;

/**
 * What a trigger, such as the inbox, knows of a request before the request is read: the exchange variable
 * {@code bactrianTrigger}.
 *
 * @param defaultId the id of a request that brings none, or null
 * @param delivery  what tells one delivery of the same request from another, such as a file's time
 * @param attempt   which delivery it is, from 1, if the trigger delivers again; else null
 * @param input     {@code text} if a body is the text of a user, whatever it looks like; else {@code request} or null
 */
public record Trigger(String defaultId, String delivery, Integer attempt, String input) {

    /** The exchange variable. */
    static final String VARIABLE = "bactrianTrigger";

    private static final Trigger NONE = new Trigger(null, "", null, null);

    /** That of an exchange; one without an id if no trigger has set it. */
    static Trigger of(Exchange exchange) {
        return exchange.getVariable(VARIABLE, NONE, Trigger.class);
    }

    /** Sets the variable. */
    public void set(Exchange exchange) {
        exchange.setVariable(VARIABLE, this);
    }
}
