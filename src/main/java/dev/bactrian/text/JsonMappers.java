package dev.bactrian.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.json.JsonMapper;

/**
 * What every reader of JSON here is made from. It keeps no names of fields: in a table that all share, a few documents
 * with names of one hash would be in the way of all others. Strings and names are as long as a document may be.
 */
public final class JsonMappers {

    private JsonMappers() {
    }

    /** Readers whose limits are these. */
    public static StreamReadConstraints.Builder limits() {
        return StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).maxNameLength(Integer.MAX_VALUE);
    }

    /** The factory of such readers. */
    public static JsonFactoryBuilder factory(StreamReadConstraints limits) {
        return (JsonFactoryBuilder) JsonFactory.builder().streamReadConstraints(limits)
                .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES).disable(JsonFactory.Feature.INTERN_FIELD_NAMES);
    }

    /** A mapper of such readers. */
    public static JsonMapper.Builder mapper(StreamReadConstraints limits) {
        return JsonMapper.builder(factory(limits).build());
    }
}
