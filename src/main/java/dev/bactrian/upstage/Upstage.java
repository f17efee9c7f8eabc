package dev.bactrian.upstage;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.PromptStyle;
import dev.bactrian.config.Url;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.generate.Generation;
import dev.bactrian.request.ChatMessage;

/** The provider of {@code routes/upstage.camel.yaml}: chat completions with what is particular to Upstage. */
public final class Upstage extends OpenAi {

    /** The name of the provider. */
    static final String NAME = "upstage";

    private final Map<String, Access> known = new ConcurrentHashMap<>();

    private static final String OFFICIAL_HOST = "api.upstage.ai";

    /** Creates the provider. */
    public Upstage() {
        super(NAME);
    }

    @Override
    String title() {
        return "Upstage";
    }

    /** {@inheritDoc} The probe is the list of models, which costs nothing. */
    @Override
    public Access access(String account) {
        return known.computeIfAbsent(account == null ? "" : account, key -> read(account));
    }

    private Access read(String account) {
        Settings own = settingsOf(account);
        String endpoint = own.require(Property.UPSTAGE_API_ENDPOINT);
        return new Access(List.of(endpoint), Property.UPSTAGE_API_KEY.key(), own.keys(Property.UPSTAGE_API_KEY),
                Url.of(endpoint).host().equals(OFFICIAL_HOST), models(endpoint), own.proxy(Property.UPSTAGE_PROXY));
    }

    @Override
    String model(Generation generation) {
        return generation.model().id();
    }

    @Override
    boolean asksForUsage() {
        return !settingsOf(null).playground();
    }

    @Override
    ArrayNode messages(Generation generation) {
        if (settingsOf(generation.account()).promptStyle() == PromptStyle.FLATTENED) {
            return prompt(generation.request());
        }
        ArrayNode messages = JsonNodeFactory.instance.arrayNode();
        for (ChatMessage message : generation.request().messages()) {
            ObjectNode fields = message.fields().deepCopy();
            // Upstage answers 400 to the role `developer` and accepts only text as content.
            fields.put("role", message.role().equals("developer") ? "system" : message.role());
            if (!fields.path("content").isNull()) {
                fields.put("content", message.text());
            }
            messages.add(fields);
        }
        return messages;
    }
}
