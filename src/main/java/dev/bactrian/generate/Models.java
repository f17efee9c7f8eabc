package dev.bactrian.generate;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.model.AllowedModels;
import dev.bactrian.model.Catalogue;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import org.apache.camel.CamelContext;
import org.apache.camel.support.ResourceHelper;

/**
 * The models of an application: its catalogue, and which of them requests may have.
 *
 * @param catalogue what {@code bactrian.models} names
 * @param allowed   what {@code bactrian.models.allowed} lists
 */
public record Models(Catalogue catalogue, AllowedModels allowed) {

    private static final String BEAN = "bactrianModels";

    /**
     * Those of a Camel context, read once.
     *
     * @throws SettingException where the catalogue can't be read, or the list names what is no model
     */
    public static Models of(CamelContext context) {
        synchronized (Models.class) {
            Models models = context.getRegistry().lookupByNameAndType(BEAN, Models.class);
            if (models == null) {
                models = read(context, Settings.of(context));
                context.getRegistry().bind(BEAN, models);
            }
            return models;
        }
    }

    private static Models read(CamelContext context, Settings settings) {
        String source = settings.require(Property.MODELS);
        Catalogue catalogue;
        try {
            catalogue = Catalogue.read(source, resource(context, source), uri -> resource(context, uri),
                    settings.text(Property.DEFAULT_MODEL).orElse(null));
        } catch (SettingException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            throw new SettingException(Property.MODELS.key(), e.getMessage());
        }
        return new Models(catalogue, settings.text(Property.MODELS_ALLOWED)
                .map(list -> AllowedModels.of(catalogue, Property.MODELS_ALLOWED.key(), list)).orElse(AllowedModels.ALL));
    }

    private static String resource(CamelContext context, String uri) {
        try (InputStream in = ResourceHelper.resolveMandatoryResourceAsInputStream(context, uri)) {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(in.readAllBytes())).toString();
        } catch (CharacterCodingException e) {
            throw new SettingException(Property.MODELS.key(), "'" + uri + "' is not UTF-8 text");
        } catch (IOException e) {
            throw new SettingException(Property.MODELS.key(), "'" + uri + "' cannot be read");
        }
    }

    /**
     * The model that a request means.
     *
     * @param account whose list narrows the application's, or null
     * @throws SettingException where the account's list names what is no model
     */
    public Model resolve(String name, ProviderName provider, Kind kind, Account account) {
        return catalogue.resolve(name, provider, kind, account == null ? allowed : allowed.and(account.allowed(catalogue)));
    }
}
