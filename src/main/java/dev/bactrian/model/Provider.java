package dev.bactrian.model;

import java.util.Locale;
import java.util.Optional;

/** A service that runs models. */
public enum Provider {
    REPLICATE, UPSTAGE;

    /** The provider of that name as documents and requests write it. */
    public static Optional<Provider> of(String name) {
        for (Provider provider : values()) {
            if (provider.toString().equals(name)) {
                return Optional.of(provider);
            }
        }
        return Optional.empty();
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
