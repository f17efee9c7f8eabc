package dev.bactrian.door;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;

/** The fields of a request in the form of OpenAI's API. */
final class Fields {

    private Fields() {
    }

    /**
     * Returns a field, or null if it is missing or null.
     *
     * @throws GenerationFailure {@code invalid-request} if it is not a text
     */
    static String text(ObjectNode asked, String field) {
        JsonNode value = asked.path(field);
        if (value.isMissingNode() || value.isNull()) {
            return null;
        } else if (!value.isTextual()) {
            throw invalid(field + ": not a text");
        }
        return value.textValue();
    }

    /** Returns the failure of a request that cannot be read. */
    static GenerationFailure invalid(String message) {
        return new GenerationFailure(ErrorType.INVALID_REQUEST, message);
    }
}
