package dev.bactrian.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.json.JsonMapper;

/**
 * The base of all JSON readers. Field names are not canonicalized: in the shared symbol table, a few documents with colliding names
 * would slow down all others. The size of strings and names is only limited by the size of the document.
 */
public final class JsonMappers {

    private JsonMappers() {
    }

    /** Returns a builder of read limits without limits for strings and names. */
    public static StreamReadConstraints.Builder limits() {
        return StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).maxNameLength(Integer.MAX_VALUE);
    }

    /** Returns a builder of a factory with those limits. */
    public static JsonFactoryBuilder factory(StreamReadConstraints limits) {
        return (JsonFactoryBuilder) JsonFactory.builder().streamReadConstraints(limits)
                .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES).disable(JsonFactory.Feature.INTERN_FIELD_NAMES);
    }

    /** Returns a builder of a mapper with those limits. */
    public static JsonMapper.Builder mapper(StreamReadConstraints limits) {
        return JsonMapper.builder(factory(limits).build());
    }
}
