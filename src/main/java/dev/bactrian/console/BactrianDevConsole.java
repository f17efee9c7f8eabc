package dev.bactrian.console;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OutgoingJson;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.spi.annotations.DevConsole;
import org.apache.camel.support.console.AbstractDevConsole;
import org.apache.camel.util.json.JsonObject;

/** The dev console {@code bactrian} of Camel: the snapshot as JSON, and as text a table of the requests. Camel finds it by its name. */
@DevConsole(name = "bactrian", displayName = "Bactrian", description = "Requests to generative models: in work and done, figures, health")
public final class BactrianDevConsole extends AbstractDevConsole {

    private static final String OFF = "off";
    private static final String ROW = "%-8s %-24s %-7s %-10s %-28s %-11s %8s %6s  %s%n";
    private static final int LONGEST_CELL = 28;
    private static final int LONGEST_ID = 24;
    private static final int LONGEST_NOTE = 100;

    /** Creates the console, for Camel. */
    public BactrianDevConsole() {
        super("bactrian", "bactrian", "Bactrian", "Requests to generative models: in work and done, figures, health");
    }

    @Override
    protected String doCallText(Map<String, Object> options) {
        Optional<Console> console = Console.of(getCamelContext());
        if (console.isEmpty()) {
            return OFF;
        }
        ObjectNode snapshot = console.get().snapshot();
        StringBuilder text = new StringBuilder();
        row(text, "no", "id", "from", "provider", "model", "state", "ms", "chunks", "");
        snapshot.path("requests").forEach(line -> row(text, line, line.path("state").asText(), ""));
        snapshot.path("done").forEach(line -> row(text, line, line.path("outcome").asText(), line.path("error").path("message").asText()));
        snapshot.path("health").path("providers").forEach(provider -> text.append(provider.path("name").asText()).append(": ")
                .append(OneLine.of(provider.path("message").asText())).append(System.lineSeparator()));
        return text.toString();
    }

    private static void row(StringBuilder text, JsonNode line, String state, String note) {
        row(text, line.path("no").asText(), OneLine.cut(OneLine.of(line.path("id").asText()), LONGEST_ID), line.path("from").asText(),
                line.path("provider").asText("-"), OneLine.cut(OneLine.of(line.path("model").asText("-")), LONGEST_CELL), state,
                line.path("durationMs").asText(), line.path("chunks").asText(), OneLine.cut(OneLine.of(note), LONGEST_NOTE));
    }

    private static void row(StringBuilder text, Object... cells) {
        text.append(String.format(Locale.ROOT, ROW, cells).stripTrailing()).append(System.lineSeparator());
    }

    @Override
    protected Map<String, Object> doCallJson(Map<String, Object> options) {
        JsonObject json = new JsonObject();
        Optional<Console> console = Console.of(getCamelContext());
        if (console.isEmpty()) {
            json.put("mode", OFF);
        } else {
            json.putAll(ProviderJson.JSON.convertValue(OutgoingJson.of(console.get().snapshot()), JsonObject.class));
        }
        return json;
    }
}
