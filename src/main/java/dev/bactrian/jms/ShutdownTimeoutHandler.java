package dev.bactrian.jms;

import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

import dev.bactrian.emit.ImageDownloads;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.threads.ScheduledPool;
import org.apache.camel.CamelContext;
import org.apache.camel.support.LifecycleStrategySupport;

/**
 * Cuts the open calls when the shutdown timeout has passed. A consumer only stops after its call, however long that takes; a cut
 * call fails, and its request goes back to the queue.
 */
final class ShutdownTimeoutHandler extends LifecycleStrategySupport {

    private static final long CHECK_MILLIS = 100;

    @Override
    public void onContextStopping(CamelContext context) {
        ScheduledExecutorService checks = new ScheduledPool(context, "bactrian-shutdown-timeout", 1);
        checks.scheduleWithFixedDelay(() -> {
            if (context.getShutdownStrategy().isTimeoutOccurred()) {
                ProviderHttp.breakOff(context);
                ImageDownloads images = context.getRegistry().lookupByNameAndType(ImageDownloads.BEAN, ImageDownloads.class);
                if (images != null) {
                    images.stop();
                }
            }
        }, CHECK_MILLIS, CHECK_MILLIS, TimeUnit.MILLISECONDS);
    }
}
