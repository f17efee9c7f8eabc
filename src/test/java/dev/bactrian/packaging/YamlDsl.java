package dev.bactrian.packaging;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Collection;

import com.fasterxml.jackson.databind.JsonNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;

/** The schema that Camel ships for its YAML DSL. To read it takes a second, so it is read once. */
final class YamlDsl {

    private static final JsonSchema SCHEMA = read();

    private YamlDsl() {
    }

    private static JsonSchema read() {
        try (InputStream schema = YamlDsl.class.getResourceAsStream("/schema/camelYamlDsl.json")) {
            return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V4).getSchema(schema);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What in the document is not as the schema wants it; empty where all is. */
    static Collection<ValidationMessage> faults(JsonNode document) {
        return SCHEMA.validate(document);
    }
}
