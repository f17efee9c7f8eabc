package dev.bactrian.http;

import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** Hosts that a URL of an answer may lead to; their subdomains count too. Immutable. */
public final class Hosts {

    private static final Pattern LOOPBACK = Pattern.compile("127(\\.[0-9]{1,3}){3}|\\[::1]");

    private final List<String> names;

    private Hosts(List<String> names) {
        this.names = names;
    }

    /** The hosts of a list separated by commas. */
    public static Hosts of(String list) {
        return new Hosts(Arrays.stream(list.split(",")).map(name -> name.trim().toLowerCase(Locale.ROOT))
                .filter(name -> !name.isEmpty()).toList());
    }

    /**
     * Whether that URL may be called: an absolute {@code https} URL without user information on one of the hosts, or an
     * {@code http} one where the host is listed as a loopback address, as the simulator's is.
     */
    public boolean allow(String url) {
        Optional<URI> uri = parse(url);
        String host = uri.map(URI::getHost).map(name -> name.toLowerCase(Locale.ROOT)).orElse("");
        if (host.isEmpty() || uri.get().getRawUserInfo() != null) {
            return false;
        }
        return "https".equalsIgnoreCase(uri.get().getScheme())
                ? names.stream().anyMatch(name -> host.equals(name) || host.endsWith("." + name))
                : "http".equalsIgnoreCase(uri.get().getScheme()) && LOOPBACK.matcher(host).matches() && names.contains(host);
    }

    private static Optional<URI> parse(String url) {
        try {
            return Optional.of(URI.create(url));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
