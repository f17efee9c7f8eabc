package dev.bactrian.model;

/**
 * The model that a request uses.
 *
 * @param provider the provider that runs it
 * @param id       its name in documents, such as {@code solar-pro4} or {@code stability-ai/stable-diffusion-3}
 * @param kind     its kind of output; null if neither the catalogue nor the request says
 * @param version  the {@code version} that is sent to Replicate: a bare hash, or else the name itself
 */
public record Model(ProviderName provider, String id, Kind kind, String version) {

    /** Whether the model is known to generate images. */
    public boolean isImage() {
        return kind == Kind.IMAGE;
    }
}
