package dev.bactrian.emit;

import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;

/** Where a file of the inbox goes when its exchange has failed. */
public final class Inbox implements CamelContextAware {

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
     * The folder for a file whose request could not be brought to an end.
     *
     * @throws IllegalStateException while the application stops before its work is done: the file must stay where it
     *                               is, to be done at the next start, and this is how the file component lets it
     */
    public String failedFolder() {
        if (camelContext.isStopping() || camelContext.getShutdownStrategy().isTimeoutOccurred()) {
            throw new IllegalStateException("stopped before its work was done; the file stays in the inbox for the next start");
        }
        return ".failed";
    }
}
