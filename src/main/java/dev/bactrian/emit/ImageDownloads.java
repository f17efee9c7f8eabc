package dev.bactrian.emit;

import java.util.List;
import java.util.Objects;
import java.util.concurrent.RejectedExecutionException;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.EmitFormat;
import dev.bactrian.config.Settings.ImagesMode;
import dev.bactrian.core.Steps;
import dev.bactrian.error.Cause;
import dev.bactrian.flow.Retries;
import dev.bactrian.flow.Trigger;
import dev.bactrian.generate.Headers;
import dev.bactrian.http.AnswerRoom;
import dev.bactrian.model.Kind;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.CamelContextHelper;
import org.slf4j.Logger;

/** Determines which images of results are downloaded, and downloads them, for {@code routes/images.camel.yaml}. */
public final class ImageDownloads implements CamelContextAware, Processor {

    /** The name of the bean. */
    public static final String BEAN = "bactrianImageDownloads";

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.emit");

    private CamelContext camelContext;
    private Settings settings;
    private ImageClient client;
    private boolean stopped;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
        settings = Settings.of(camelContext);
        Steps.of(camelContext, BEAN, ImageDownloads.class).step("toAnswer", ImageDownloads::toAnswer)
                .step("toEmit", ImageDownloads::toEmit).test("isWanted", ImageDownloads::isWanted).value("missing", ImageDownloads::missing)
                .value("document", ImageDownloads::document).test("mayTryAgain", ImageDownloads::mayTryAgain)
                .step("lost", ImageDownloads::lost);
    }

    /** Determines the images that the caller's document must contain. */
    public void toAnswer(Exchange exchange) {
        Outgoing.images(exchange, ofAnswer(exchange));
    }

    private ResultImages ofAnswer(Exchange exchange) {
        ImagesMode mode = Objects.requireNonNullElse(Trigger.of(exchange).images(), settings.imagesMode());
        return mode == ImagesMode.INLINE ? images(exchange, ImagesMode.INLINE) : ResultImages.none();
    }

    /** Determines the images that the emitted document must contain, or that are sent with it. */
    public void toEmit(Exchange exchange) {
        Outgoing.images(exchange, ofEmitted(exchange));
    }

    private ResultImages ofEmitted(Exchange exchange) {
        return settings.emitFormat() == EmitFormat.CONTENT ? images(exchange, ImagesMode.URL)
                : settings.imagesMode() != ImagesMode.URL ? images(exchange, settings.imagesMode()) : ResultImages.none();
    }

    private static ResultImages images(Exchange exchange, ImagesMode mode) {
        boolean images = Kind.IMAGE.toString().equals(exchange.getMessage().getHeader(Headers.KIND))
                && !"failed".equals(exchange.getMessage().getHeader(Headers.STATUS));
        return images ? ResultImages.of(exchange.getMessage().getBody(String.class), mode) : ResultImages.none();
    }

    /** Whether the document changes because of its images. */
    public boolean isWanted(Exchange exchange) {
        return Outgoing.images(exchange).isAwaited();
    }

    /** Returns the images that are not downloaded yet. */
    public List<?> missing(Exchange exchange) {
        return Outgoing.images(exchange).wanted();
    }

    /** Returns the document with the images in it, or with the names of their files. */
    public String document(Exchange exchange) {
        return Outgoing.images(exchange).document();
    }

    /** Downloads the image in the body. */
    @Override
    public void process(Exchange exchange) throws ImageException {
        download(exchange.getMessage().getBody(ResultImage.class));
    }

    /**
     * Downloads an image.
     *
     * @throws ImageException             with a one-line reason if it cannot be downloaded
     * @throws RejectedExecutionException if the application has stopped meanwhile
     */
    void download(ResultImage image) throws ImageException {
        ImageClient http = client();
        try {
            image.found(http.fetch(image.url()));
        } catch (ImageException | RuntimeException e) {
            if (http.isClosed() || e instanceof RejectedExecutionException) {
                throw new RejectedExecutionException("stopped while an image was fetched");
            } else if (e instanceof ImageException lost) {
                throw lost;
            }
            // For example a URL that the client rejects. The result is paid for and must be delivered without that image.
            throw new ImageException(OneLine.of(String.valueOf(e.getMessage())));
        }
    }

    /** Whether a failed download is repeated. */
    public boolean mayTryAgain(Exchange exchange) {
        return Cause.of(exchange) instanceof ImageException failure && failure.isPassing()
                && Retries.failures(exchange) <= settings.count(Property.RETRY_MAX_ATTEMPTS);
    }

    /** Records why an image could not be downloaded. The result keeps its URL. */
    public void lost(Exchange exchange) {
        ResultImage image = exchange.getMessage().getBody(ResultImage.class);
        image.lost(settings.redact(Cause.of(exchange).getMessage()));
        LOG.warn("{}: image {} can't be had: {}", exchange.getMessage().getHeader(Headers.REQUEST_ID), image.index(), image.problem());
    }

    private synchronized ImageClient client() {
        if (stopped) {
            throw new RejectedExecutionException("the application has stopped");
        }
        if (client == null) {
            client = new ImageClient(camelContext, settings, CamelContextHelper.mandatoryLookup(camelContext, "bactrianAnswerRoom", AnswerRoom.class));
        }
        return client;
    }

    /** Aborts the downloads in progress and refuses new ones. */
    public synchronized void stop() {
        stopped = true;
        if (client != null) {
            client.close();
        }
    }
}
