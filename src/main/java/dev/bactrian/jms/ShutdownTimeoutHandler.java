package dev.bactrian.jms;

import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

import dev.bactrian.config.Beans;
import dev.bactrian.emit.ImageDownloads;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.threads.Pools;
import org.apache.camel.CamelContext;
import org.apache.camel.support.LifecycleStrategySupport;

/**
 * Cuts the open calls when the shutdown timeout has passed. A consumer only stops after its call, however long that takes; a cut
 * call fails, and its request goes back to the queue.
 */
final class ShutdownTimeoutHandler extends LifecycleStrategySupport {

    private static final long CHECK_MILLIS = 100;

    private final ScheduledThreadPoolExecutor checks = Pools.scheduled("bactrian-end-of-grace", 1);

    @Override
    public void onContextStopping(CamelContext context) {
        checks.scheduleWithFixedDelay(() -> {
            if (context.getShutdownStrategy().isTimeoutOccurred()) {
                Beans.all(context, ProviderHttp.class).values().forEach(ProviderHttp::breakOff);
                ImageDownloads images = context.getRegistry().lookupByNameAndType(ImageDownloads.BEAN, ImageDownloads.class);
                if (images != null) {
                    images.stop();
                }
            }
        }, CHECK_MILLIS, CHECK_MILLIS, TimeUnit.MILLISECONDS);
    }

    @Override
    public void onContextStopped(CamelContext context) {
        checks.shutdownNow();
    }
}
