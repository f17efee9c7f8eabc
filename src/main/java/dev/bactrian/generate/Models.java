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
 * The models of an application.
 *
 * @param catalogue the catalogue that {@code bactrian.models} names
 * @param allowed   the models that {@code bactrian.models.allowed} lists
 */
public record Models(Catalogue catalogue, AllowedModels allowed) {

    private static final String BEAN = "bactrianModels";

    /**
     * Returns the models of a Camel context, which are read on the first call.
     *
     * @throws SettingException if the catalogue cannot be read, or the list contains an unknown model
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
        catalogue.openAiProviders().forEach((name, endpoint) -> settings.provider(name.toString(), endpoint.orElse(null)));
        settings.requireProviders(catalogue.openAiProviders().keySet().stream().map(ProviderName::toString).toList());
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
     * Returns the model for a request.
     *
     * @param account the account whose list further restricts the allowed models, or null
     * @throws SettingException if the account's list contains an unknown model
     */
    public Model resolve(String name, ProviderName provider, Kind kind, Account account) {
        return catalogue.resolve(name, provider, kind, account == null ? allowed : allowed.and(account.allowed(catalogue)));
    }
}
