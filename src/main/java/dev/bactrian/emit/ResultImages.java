package dev.bactrian.emit;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Settings.ImagesMode;
import dev.bactrian.generate.Documents;
import dev.bactrian.http.ProviderJson;

/**
 * The images of one result document, and the document as it is once their bytes are here. The exchange variable
 * {@code pictures} of the routes; shared by the copies of an exchange.
 */
public final class ResultImages {

    /** In the document of a delivery that waits in a queue: the bytes of an image that has been fetched. */
    private static final String DATA = "data";

    private final ObjectNode document;
    private final ImagesMode mode;
    private final List<ResultImage> all = new ArrayList<>();

    private ResultImages(ObjectNode document, ImagesMode mode) {
        this.document = document;
        this.mode = mode;
        String id = document.path("id").asText();
        for (JsonNode node : document.path("images")) {
            ResultImage picture = new ResultImage(id, all.size(), node.path("url").asText());
            if (node.has("error")) {
                picture.lost(node.path("error").asText());
            }
            if (node.has(DATA)) {
                try {
                    picture.found(Image.of(node.path(DATA).asText()));
                } catch (ImageException e) {
                    picture.lost(e.getMessage());
                }
                ((ObjectNode) node).remove(DATA);
            }
            all.add(picture);
        }
    }

    /** The images of a document; with {@code url} they stay where they are. */
    static ResultImages of(String document, ImagesMode mode) {
        return new ResultImages(ProviderJson.json(document).filter(JsonNode::isObject).map(ObjectNode.class::cast)
                .orElseGet(JsonNodeFactory.instance::objectNode), mode);
    }

    static ResultImages none() {
        return new ResultImages(JsonNodeFactory.instance.objectNode(), ImagesMode.URL);
    }

    List<ResultImage> all() {
        return all;
    }

    /** For the routes: whether the document is not to go out as it is. */
    public boolean isAwaited() {
        return mode != ImagesMode.URL && !all.isEmpty();
    }

    /** For the routes: the images whose bytes are still to be had. */
    public List<ResultImage> getWanted() {
        return all.stream().filter(picture -> picture.isMissing() && picture.problem() == null
                && (mode == ImagesMode.DOWNLOAD || !Image.isData(picture.url()))).toList();
    }

    /** For the routes: the document with the images in it, or with the names of their files. */
    public String getDocument() {
        ObjectNode copy = document.deepCopy();
        for (ResultImage picture : all) {
            ObjectNode node = (ObjectNode) copy.path("images").path(picture.index());
            if (picture.isMissing()) {
                if (picture.problem() != null) {
                    node.put("error", picture.problem());
                }
            } else if (mode == ImagesMode.INLINE) {
                node.put("url", picture.image().dataUrl());
            } else {
                if (Image.isData(picture.url())) {
                    node.remove("url");
                }
                node.put("file", picture.name()).put("contentType", picture.image().contentType()).put("bytes", picture.image().bytes().length);
            }
        }
        return Documents.text(copy);
    }

    /** The document as it waits for a destination that is down: with the bytes, which are not there for ever. */
    Optional<String> waiting() {
        if (mode == ImagesMode.INLINE) {
            return Optional.of(getDocument());
        } else if (all.stream().allMatch(ResultImage::isMissing)) {
            return Optional.empty();
        }
        ObjectNode copy = document.deepCopy();
        for (ResultImage picture : all) {
            if (!picture.isMissing() && !Image.isData(picture.url())) {
                ((ObjectNode) copy.path("images").path(picture.index())).put(DATA, picture.image().dataUrl());
            }
        }
        return Optional.of(Documents.text(copy));
    }
}
