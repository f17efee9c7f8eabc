package dev.bactrian.replicate;

import java.nio.file.Path;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Ordered;
import org.apache.camel.Variable;
import org.apache.camel.spi.StateRepository;
import org.apache.camel.support.SynchronizationAdapter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Remembers which prediction a request has been given, from before the first look until the request's outcome is safe,
 * so that a request done again after a stop or a crash continues with it and nothing is paid for twice.
 *
 * <p>A file per prediction under {@code bactrian.data-dir}, or the {@link StateRepository} bean that
 * {@code bactrian.ledger} names.
 */
public final class Ledger implements CamelContextAware {

    private static final Logger LOG = LoggerFactory.getLogger("dev.bactrian.replicate");

    private CamelContext camelContext;
    private StateRepository<String, String> repository;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /** Finds the repository. */
    @SuppressWarnings("unchecked")
    public void start() {
        Settings settings = Settings.of(camelContext);
        repository = settings.text(Property.LEDGER)
                .map(name -> {
                    StateRepository<String, String> bean =
                            camelContext.getRegistry().lookupByNameAndType(name.replaceFirst("^#(bean:)?", ""), StateRepository.class);
                    if (bean == null) {
                        throw new SettingException(Property.LEDGER.key(), "no StateRepository bean is named '" + name + "'");
                    }
                    return bean;
                })
                .orElseGet(() -> new FilePredictions(Path.of(settings.require(Property.DATA_DIR), "predictions")));
    }

    /**
     * The id of the prediction that this request was given before, or null.
     *
     * @throws GenerationFailure {@code provider-unavailable} where that can't be known: to go on might pay twice
     */
    public String recall(@Variable("generation") Generation generation) {
        if (generation.recallKey() == null) {
            return null;
        }
        try {
            String id = repository.getState(generation.recallKey());
            return id != null && Prediction.isValidId(id) ? id : null;
        } catch (RuntimeException e) {
            throw new GenerationFailure(ErrorType.PROVIDER_UNAVAILABLE, "nothing was sent: what is under way can't be read from "
                    + Property.DATA_DIR.key() + " or " + Property.LEDGER.key() + ": " + e.getMessage(), null, 0, true, e);
        }
    }

    /** Remembers the prediction. Where that fails the request goes on: it is paid for. */
    public void record(@Variable("generation") Generation generation, @Variable("look") Look look) {
        if (generation.recallKey() != null) {
            try {
                repository.setState(generation.recallKey(), look.getId());
            } catch (RuntimeException e) {
                LOG.error("{}: prediction {} cannot be remembered: {}", generation.id(), look.getId(), e.toString());
            }
        }
    }

    /**
     * Forgets the prediction of a request once the exchange that asked for it is done, after everything else that
     * happens then. Where the request succeeded but the exchange failed it is remembered: the exchange's message was
     * not handled to its end and may come again. The same where the application stops, which makes requests fail.
     */
    public void forgetLater(Exchange exchange, Generation generation, boolean succeeded) {
        if (generation == null || generation.recallKey() == null || !generation.isReplicate()) {
            return;
        }
        exchange.getExchangeExtension().addOnCompletion(new SynchronizationAdapter() {
            @Override
            public void onDone(Exchange done) {
                boolean stopping = camelContext.isStopping() || camelContext.isStopped();
                if (!done.isFailed() || !succeeded && !stopping) {
                    forget(generation);
                }
            }

            @Override
            public int getOrder() {
                return Ordered.LOWEST;
            }
        });
    }

    private void forget(Generation generation) {
        forget(generation.recallKey());
    }

    /** Forgets the prediction of that key, where there is one. */
    public void forget(String recallKey) {
        if (recallKey == null) {
            return;
        }
        try {
            repository.setState(recallKey, null);
        } catch (RuntimeException e) {
            LOG.warn("{}: its prediction cannot be forgotten: {}", recallKey, e.toString());
        }
    }

    /** Whether no other message has brought a request of that id. */
    public boolean claim(String requestId, String messageId) {
        return true;
    }

    /** Lets a request of that id come again. */
    public void unclaim(String requestId) {
    }
}
