package dev.bactrian.model;

/**
 * A model as a request resolved to it.
 *
 * @param provider who runs it
 * @param id       its name in documents, such as {@code solar-pro4} or {@code stability-ai/stable-diffusion-3}
 * @param kind     what it makes; null where the catalogue does not know it and the request does not say
 * @param version  what Replicate is sent as {@code version}: a bare hash, else the name itself
 */
public record Model(ProviderName provider, String id, Kind kind, String version) {

    /** Whether it is known to make images. */
    public boolean isImage() {
        return kind == Kind.IMAGE;
    }
}
