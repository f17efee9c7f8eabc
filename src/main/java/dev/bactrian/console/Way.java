package dev.bactrian.console;

import java.util.Locale;

import dev.bactrian.batch.Batches;
import dev.bactrian.core.Job;
import dev.bactrian.flow.Trigger;
import org.apache.camel.Exchange;

/** The way in which a request came. */
enum Way {
    FILE(true), QUEUE(false), HTTP(true), DIRECT(false), STREAM(false), SINK(true), BATCH(true);

    /** Whether the routes deliver the outcome before the trigger's exchange is done. */
    final boolean isDelivered;

    Way(boolean isDelivered) {
        this.isDelivered = isDelivered;
    }

    /** Returns the way of the request that an exchange processes. */
    static Way of(Exchange exchange) {
        Trigger trigger = Trigger.of(exchange);
        String route = String.valueOf(exchange.getFromRouteId());
        Job job = Job.of(exchange);
        if (trigger.detached()) {
            return SINK;
        } else if (route.equals("bactrian-from-polls")) {
            return QUEUE;
        } else if (trigger.equals(Trigger.NONE)) {
            return job != null && job.reader() != null ? STREAM : DIRECT;
        } else if (Batches.isLine(exchange)) {
            return BATCH;
        }
        return route.startsWith("bactrian-http-") ? HTTP : route.equals("bactrian-from-jms") ? QUEUE : route.equals("bactrian-from-file") ? FILE : DIRECT;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
