package dev.bactrian.generate;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.model.AllowedModels;
import dev.bactrian.model.Catalogue;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.request.GenerateRequest;
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
        return catalogue.resolve(name, provider, kind, allowedFor(account));
    }

    /** Returns the models of the catalogue that are allowed, with the list of that account, or null. */
    public List<Model> list(Account account) {
        AllowedModels mayBeUsed = allowedFor(account);
        return catalogue.models().stream().filter(mayBeUsed::hold).toList();
    }

    private AllowedModels allowedFor(Account account) {
        return account == null ? allowed : allowed.and(account.allowed(catalogue));
    }

    /**
     * Returns the models to try, in this order, if the model of a request does not answer: those that the request names, or else those of
     * the catalogue that are allowed.
     *
     * @throws GenerationFailure {@code unsupported-model} if the request names one that does not exist or is not allowed
     */
    public List<Model> fallback(GenerateRequest request, Model model, Account account) {
        if (request.fallback() != null) {
            return request.fallback().stream().map(name -> resolve(name, null, request.kind(), account)).toList();
        }
        List<Model> models = catalogue.fallback(model);
        if (models.isEmpty()) {
            return models;
        }
        AllowedModels mayBeUsed = allowedFor(account);
        return models.stream().filter(mayBeUsed::hold).toList();
    }

    /** Returns those of the models, as a message of a queue names them, that are in the catalogue and allowed. */
    public List<Model> known(List<Model> named) {
        return named.stream().flatMap(model -> {
            try {
                return Stream.of(resolve(model.id(), model.provider(), model.kind(), null)).filter(found -> found.id().equals(model.id()));
            } catch (GenerationFailure e) {
                return Stream.empty();
            }
        }).toList();
    }
}
