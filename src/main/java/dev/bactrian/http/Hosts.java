package dev.bactrian.http;

import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/** The hosts, with their subdomains, to which a URL in an answer may lead. Immutable. */
public final class Hosts {

    private static final Pattern LOOPBACK = Pattern.compile("127(\\.[0-9]{1,3}){3}|\\[::1]");

    private final List<String> names;

    private Hosts(List<String> names) {
        this.names = names;
    }

    /** Parses a list of hosts, separated by commas. */
    public static Hosts of(String list) {
        return new Hosts(Arrays.stream(list.split(",")).map(name -> name.trim().toLowerCase(Locale.ROOT))
                .filter(name -> !name.isEmpty()).toList());
    }

    /**
     * Whether the URL may be called: an absolute {@code https} URL without user information on one of the hosts, or an {@code http}
     * URL on a listed loopback address, such as the simulator's.
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
