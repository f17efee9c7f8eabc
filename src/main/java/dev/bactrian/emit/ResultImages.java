package dev.bactrian.emit;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Settings.ImagesMode;
import dev.bactrian.generate.Documents;
import dev.bactrian.text.ProviderJson;

/**
 * The images of a result document, and the document that contains or refers to the downloaded images. Shared by the copies of an
 * exchange.
 */
final class ResultImages {

    /** The field with the bytes of a downloaded image, in the document of a delivery that waits in a queue. */
    private static final String DATA = "data";

    private final ObjectNode document;
    private final ImagesMode mode;
    private final List<ResultImage> all = new ArrayList<>();

    private ResultImages(ObjectNode document, ImagesMode mode) {
        this.document = document;
        this.mode = mode;
        String id = document.path("id").asText();
        for (JsonNode node : document.path("images")) {
            ResultImage image = new ResultImage(id, all.size(), node.path("url").asText());
            if (node.has("error")) {
                image.lost(node.path("error").asText());
            }
            if (node.has(DATA)) {
                try {
                    image.found(ImageContent.of(node.path(DATA).asText()));
                } catch (ImageException e) {
                    image.lost(e.getMessage());
                }
                ((ObjectNode) node).remove(DATA);
            }
            all.add(image);
        }
    }

    /** Returns the images of a document. They are not downloaded in the mode {@code url}. */
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

    /** Whether the document changes because of its images. */
    boolean isAwaited() {
        return mode != ImagesMode.URL && !all.isEmpty();
    }

    /** Returns the images that are not downloaded yet. */
    List<ResultImage> wanted() {
        return all.stream().filter(image -> image.isMissing() && image.problem() == null
                && (mode == ImagesMode.DOWNLOAD || !ImageContent.isData(image.url()))).toList();
    }

    /** Returns the document with the images in it, or with the names of their files. */
    String document() {
        ObjectNode copy = document.deepCopy();
        for (ResultImage image : all) {
            ObjectNode node = (ObjectNode) copy.path("images").path(image.index());
            if (image.isMissing()) {
                if (image.problem() != null) {
                    node.put("error", image.problem());
                }
            } else if (mode == ImagesMode.INLINE) {
                node.put("url", image.content().dataUrl());
            } else {
                if (ImageContent.isData(image.url())) {
                    node.remove("url");
                }
                node.put("file", image.name()).put("contentType", image.content().contentType()).put("bytes", image.content().bytes().length);
            }
        }
        return Documents.text(copy);
    }

    /**
     * Returns the document for a delivery that has to wait, with the bytes of the images, because their URLs expire; empty if none was
     * downloaded.
     */
    Optional<String> waiting() {
        if (mode == ImagesMode.INLINE) {
            return Optional.of(document());
        } else if (all.stream().allMatch(ResultImage::isMissing)) {
            return Optional.empty();
        }
        ObjectNode copy = document.deepCopy();
        for (ResultImage image : all) {
            if (!image.isMissing() && !ImageContent.isData(image.url())) {
                ((ObjectNode) copy.path("images").path(image.index())).put(DATA, image.content().dataUrl());
            }
        }
        return Optional.of(Documents.text(copy));
    }
}
