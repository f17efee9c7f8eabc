package dev.bactrian.door;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;

/**
 * Who may call the door: {@code bactrian.http.api-keys}, {@code .admin-keys} and {@code .cors-origins}. Without keys only callers on the
 * same machine may, and only by a name of this machine: a page elsewhere, whose name an attacker lets point to this machine, sends its
 * own name as {@code Host}.
 */
public final class Callers {

    /** A key as configured. */
    private record Key(byte[] digest, Caller caller) {
    }

    private static final Pattern KEY = Pattern.compile("[\\x21-\\x2B\\x2D-\\x7E]{1,512}");
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");
    private static final Pattern NAME_AND_KEY = Pattern.compile("([A-Za-z0-9._-]{1,64})=([^=].*)");
    private static final Pattern LOOPBACK = Pattern.compile("localhost|127(\\.\\d{1,3}){3}|\\[::1]", Pattern.CASE_INSENSITIVE);
    private static final Pattern ORIGIN = Pattern.compile("https?://[^/?#\\s]+", Pattern.CASE_INSENSITIVE);
    private static final int NAME_BYTES = 4;
    private static final String BEARER = "bearer ";

    private final List<Key> keys;
    private final List<String> origins;
    private final String host;

    private Callers(List<Key> keys, List<String> origins, String host) {
        this.keys = keys;
        this.origins = origins;
        this.host = host;
    }

    /**
     * Reads who may call.
     *
     * @throws SettingException if a value is malformed
     */
    public static Callers of(Settings settings) {
        Map<String, Key> keys = new LinkedHashMap<>();
        read(settings, Property.HTTP_API_KEYS, false, keys);
        read(settings, Property.HTTP_ADMIN_KEYS, true, keys);
        List<String> origins = settings.text(Property.HTTP_CORS_ORIGINS).stream().flatMap(list -> Arrays.stream(list.split(",")))
                .map(origin -> origin.trim().toLowerCase(Locale.ROOT)).filter(origin -> !origin.isEmpty()).toList();
        for (String origin : origins) {
            if (!ORIGIN.matcher(origin).matches()) {
                throw new SettingException(Property.HTTP_CORS_ORIGINS.key(), "'" + origin + "' is not an origin such as https://example.org");
            }
        }
        if (keys.size() == 1) {
            // There is nobody from whom the only caller could have to be kept.
            keys.replaceAll((name, key) -> new Key(key.digest(), new Caller(name, true)));
        }
        return new Callers(List.copyOf(keys.values()), origins, settings.require(Property.HTTP_HOST).toLowerCase(Locale.ROOT));
    }

    private static void read(Settings settings, Property property, boolean admin, Map<String, Key> keys) {
        int number = 0;
        for (String written : settings.text(property).map(list -> list.split(",")).orElse(new String[0])) {
            String one = Settings.trimmed(written);
            if (one.isEmpty()) {
                continue;
            }
            number++;
            var named = NAME_AND_KEY.matcher(one);
            String key = named.matches() ? Settings.trimmed(named.group(2)) : one;
            // By its place in the list a key would get the requests of another one that is taken out.
            String name = named.matches() ? named.group(1) : (admin ? "admin-" : "key-") + HexFormat.of().formatHex(digest(key), 0, NAME_BYTES);
            if (!KEY.matcher(key).matches() || !NAME.matcher(name).matches()) {
                throw new SettingException(property.key(), "no. " + number + " is not key or name=key, of visible ASCII characters");
            }
            settings.mask(key);
            byte[] digest = digest(key);
            if (keys.values().stream().anyMatch(other -> Arrays.equals(other.digest(), digest))) {
                throw new SettingException(property.key(), "no. " + number + " is a key that another name has");
            }
            if (keys.putIfAbsent(name, new Key(digest, new Caller(name, admin))) != null) {
                throw new SettingException(property.key(), "two keys have the name '" + name + "'");
            }
        }
    }

    /** Whether callers need a key. */
    public boolean needKey() {
        return !keys.isEmpty();
    }

    /** Returns the names of the keys. */
    public List<String> names() {
        return keys.stream().map(key -> key.caller().name()).toList();
    }

    /**
     * Returns who makes a call.
     *
     * @throws Refusal 401 without one of our keys, 403 from a foreign page or by a foreign name
     */
    Caller require(Client client) {
        requireNear(client);
        if (keys.isEmpty()) {
            return Caller.ANYBODY;
        }
        String header = client.header("Authorization");
        if (header == null) {
            throw new Refusal(401, "authentication", "no API key: send one of this service's keys in the header Authorization, as Bearer");
        }
        String given = header.regionMatches(true, 0, BEARER, 0, BEARER.length()) ? header.substring(BEARER.length()).trim() : "";
        byte[] digest = digest(given);
        Caller caller = null;
        for (Key key : keys) {
            // Each is compared, so that the time tells nothing.
            caller = MessageDigest.isEqual(key.digest(), digest) ? key.caller() : caller;
        }
        if (caller == null) {
            throw new Refusal(401, "authentication", "the API key is not one of this service's");
        }
        return caller;
    }

    /**
     * Checks where a call comes from, and not who makes it.
     *
     * @throws Refusal 403 from a foreign page; without keys, also from another machine or by a foreign name
     */
    void requireNear(Client client) {
        requireOrigin(client);
        if (keys.isEmpty()) {
            requireLoopback(client);
        }
    }

    private void requireOrigin(Client client) {
        String origin = client.header("Origin");
        if (origin != null && !isOwn(origin, client.header("Host")) && !isListed(origin)) {
            throw new Refusal(403, "foreign-origin", "pages of this origin may not call; " + Property.HTTP_CORS_ORIGINS.key() + " lists those that may");
        }
    }

    private static boolean isOwn(String origin, String host) {
        return host != null && origin.replaceFirst("^https?://", "").equalsIgnoreCase(host);
    }

    /** Returns the headers by which a page of a listed origin may read the answer. */
    Map<String, String> corsHeaders(Client client) {
        String origin = client.header("Origin");
        return isListed(origin)
                ? Map.of("Access-Control-Allow-Origin", origin, "Access-Control-Expose-Headers", "Location, Retry-After, X-Request-Id, X-Should-Retry, Idempotent-Replayed", "Vary", "Origin")
                : Map.of();
    }

    private boolean isListed(String origin) {
        return origin != null && origins.contains(origin.toLowerCase(Locale.ROOT));
    }

    private void requireLoopback(Client client) {
        String name = name(client.header("Host"));
        if (!client.isOnLoopback() || !(LOOPBACK.matcher(name).matches() || name.equals(host))) {
            throw new Refusal(403, "foreign-host", "without " + Property.HTTP_API_KEYS.key() + " only callers on the same machine may call, by localhost or its address");
        }
    }

    private static String name(String host) {
        return host == null ? "" : host.replaceFirst(":\\d*$", "").toLowerCase(Locale.ROOT);
    }

    /** Whether the address can be reached from the same machine alone. */
    public static boolean isLoopback(String host) {
        return LOOPBACK.matcher(host).matches() || host.equals("::1");
    }

    private static byte[] digest(String key) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
