package dev.bactrian.routes.provider;

import java.util.Iterator;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.core.Answer;
import dev.bactrian.core.ChunkSource;
import dev.bactrian.error.GenerationFailure;

/** A text that comes in one piece: an answer with one chunk, or none if the text is empty. */
final class WholeText implements Answer, ChunkSource {

    private final String text;
    private final Iterator<String> chunks;
    private GenerationFailure failure;

    WholeText(String text) {
        this.text = text;
        chunks = Stream.of(text).filter(chunk -> !chunk.isEmpty()).iterator();
    }

    @Override
    public String text() {
        return text;
    }

    @Override
    public int count() {
        return text.isEmpty() ? 0 : 1;
    }

    @Override
    public ObjectNode answer() {
        return JsonNodeFactory.instance.objectNode().put("kind", "text").put("text", text).put("chunks", count());
    }

    @Override
    public boolean hasNext() {
        return failure != null || chunks.hasNext();
    }

    @Override
    public String next() {
        if (failure != null) {
            GenerationFailure reason = failure;
            failure = null;
            throw reason;
        }
        return chunks.next();
    }

    @Override
    public void fail(GenerationFailure reason) {
        failure = reason;
    }
}
