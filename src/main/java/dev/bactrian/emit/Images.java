package dev.bactrian.emit;

import java.util.concurrent.RejectedExecutionException;

import dev.bactrian.config.Beans;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.EmitFormat;
import dev.bactrian.config.Settings.ImagesMode;
import dev.bactrian.error.Cause;
import dev.bactrian.error.Retries;
import dev.bactrian.generate.Headers;
import dev.bactrian.http.AnswerRoom;
import dev.bactrian.model.Kind;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.slf4j.Logger;

/** What {@code routes/images.camel.yaml} can't say itself: which images are fetched, and how. */
public final class Images implements CamelContextAware {

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
    }

    /** The images that are to be in the document for whoever has asked. */
    public ResultImages toAnswer(Exchange exchange) {
        return settings.imagesMode() == ImagesMode.INLINE ? pictures(exchange, ImagesMode.INLINE) : ResultImages.none();
    }

    /** The images that are to be in the document that is emitted, or to go with it. */
    public ResultImages toEmit(Exchange exchange) {
        return settings.emitFormat() == EmitFormat.CONTENT ? pictures(exchange, ImagesMode.URL)
                : settings.imagesMode() != ImagesMode.URL ? pictures(exchange, settings.imagesMode()) : ResultImages.none();
    }

    private static ResultImages pictures(Exchange exchange, ImagesMode mode) {
        boolean images = Kind.IMAGE.toString().equals(exchange.getMessage().getHeader(Headers.KIND))
                && !"failed".equals(exchange.getMessage().getHeader(Headers.STATUS));
        return images ? ResultImages.of(exchange.getMessage().getBody(String.class), mode) : ResultImages.none();
    }

    /**
     * Gets the bytes of the variable {@code picture}.
     *
     * @throws ImageException             with one line that says why they can't be had
     * @throws RejectedExecutionException where the application has stopped meanwhile
     */
    public void fetch(Exchange exchange) throws ImageException {
        ResultImage picture = exchange.getVariable("picture", ResultImage.class);
        ImageClient http = client();
        try {
            picture.found(http.fetch(picture.url()));
        } catch (ImageException | RuntimeException e) {
            if (http.isClosed()) {
                throw new RejectedExecutionException("stopped while an image was fetched");
            } else if (e instanceof ImageException lost) {
                throw lost;
            }
            // Such as a URL that the client does not take: the result is paid for, and is one without that image, too.
            throw new ImageException(OneLine.of(String.valueOf(e.getMessage())));
        }
    }

    /** Whether an image that could not be had is asked for again. */
    public boolean mayTryAgain(Exchange exchange) {
        return Cause.of(exchange) instanceof ImageException failure && failure.isPassing()
                && Retries.failures(exchange) <= settings.count(Property.RETRY_MAX_ATTEMPTS);
    }

    /** Notes why an image can't be had: the result keeps its URL. */
    public void lost(Exchange exchange) {
        ResultImage picture = exchange.getVariable("picture", ResultImage.class);
        picture.lost(settings.redact(Cause.of(exchange).getMessage()));
        LOG.warn("{}: image {} can't be had: {}", exchange.getMessage().getHeader(Headers.REQUEST_ID), picture.index(), picture.problem());
    }

    private synchronized ImageClient client() {
        if (stopped) {
            throw new RejectedExecutionException("the application has stopped");
        }
        if (client == null) {
            client = new ImageClient(camelContext, settings, Beans.one(camelContext, AnswerRoom.class));
        }
        return client;
    }

    /** Cuts what is being fetched, and fetches nothing more. */
    public synchronized void stop() {
        stopped = true;
        if (client != null) {
            client.close();
        }
    }
}
