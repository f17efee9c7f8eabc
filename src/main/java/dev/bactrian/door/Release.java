package dev.bactrian.door;

import org.apache.camel.Exchange;
import org.apache.camel.support.SynchronizationAdapter;

/** Runs a task when an exchange is done. */
final class Release extends SynchronizationAdapter {

    private final Runnable task;

    Release(Runnable task) {
        this.task = task;
    }

    @Override
    public void onDone(Exchange done) {
        task.run();
    }
}
