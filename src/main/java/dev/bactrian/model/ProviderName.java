package dev.bactrian.model;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

import com.fasterxml.jackson.annotation.JsonValue;

/** The name of a service that runs models. Its route, its bean and its entry in the catalogue have this name. Immutable. */
public final class ProviderName {

    /** The provider Replicate. */
    public static final ProviderName REPLICATE = new ProviderName("replicate");
    /** The provider Upstage. */
    public static final ProviderName UPSTAGE = new ProviderName("upstage");

    private static final Pattern NAME = Pattern.compile("[a-z][a-z0-9]{0,39}");

    private final String name;

    private ProviderName(String name) {
        this.name = name;
    }

    /** Returns the provider of that name as documents and requests write it; empty if the name is not valid. */
    public static Optional<ProviderName> of(String name) {
        return NAME.matcher(name).matches() ? Optional.of(new ProviderName(name)) : Optional.empty();
    }

    /**
     * Returns the provider of that name in any case, such as {@code UPSTAGE}.
     *
     * @throws IllegalArgumentException if the name is not valid
     */
    public static ProviderName valueOf(String name) {
        return of(name.toLowerCase(Locale.ROOT)).orElseThrow(() -> new IllegalArgumentException("'" + name + "' is not the name of a provider"));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof ProviderName provider && name.equals(provider.name);
    }

    @Override
    public int hashCode() {
        return name.hashCode();
    }

    @JsonValue
    @Override
    public String toString() {
        return name;
    }
}
