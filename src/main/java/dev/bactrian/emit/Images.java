package dev.bactrian.emit;

import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import dev.bactrian.Version;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.http.ProviderHttp;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClientBuilder;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.io.support.ClassicRequestBuilder;
import org.apache.hc.core5.util.Timeout;

/**
 * Fetches the bytes of images. Only {@code data:} URLs and those on {@code bactrian.images.hosts}, by https (http for
 * a host on the loopback address alone, the simulator's), without a token, without following a redirect.
 */
final class Images implements AutoCloseable {

    /** An image and what it is. */
    record Image(byte[] bytes, String contentType) {

        /** The file name extension for its type. */
        String extension() {
            return EXTENSIONS.getOrDefault(contentType.split(";", 2)[0].trim().toLowerCase(Locale.ROOT), "bin");
        }
    }

    private static final Map<String, String> EXTENSIONS = Map.of("image/png", "png", "image/jpeg", "jpg", "image/webp", "webp",
            "image/gif", "gif", "image/svg+xml", "svg", "image/avif", "avif", "image/bmp", "bmp", "image/tiff", "tiff");

    private final List<String> hosts;
    private final long maxBytes;
    private final CloseableHttpClient client;

    Images(Settings settings) {
        hosts = Arrays.stream(settings.text(Property.IMAGES_HOSTS).orElse("").split(",")).map(String::trim)
                .filter(host -> !host.isEmpty()).map(host -> host.toLowerCase(Locale.ROOT)).toList();
        maxBytes = settings.bytes(Property.MAX_RESPONSE_BYTES);
        HttpClientBuilder builder = HttpClients.custom()
                .setConnectionManager(PoolingHttpClientConnectionManagerBuilder.create()
                        .setDefaultConnectionConfig(ConnectionConfig.custom()
                                .setConnectTimeout(Timeout.of(settings.duration(Property.CONNECT_TIMEOUT))).build())
                        .build())
                .setDefaultRequestConfig(RequestConfig.custom()
                        .setResponseTimeout(Timeout.of(settings.duration(Property.RESPONSE_TIMEOUT))).build())
                .setUserAgent("bactrian/" + Version.current())
                .disableAutomaticRetries().disableRedirectHandling().disableCookieManagement();
        ProviderHttp.through(settings.proxy(Property.REPLICATE_PROXY), builder);
        client = builder.build();
    }

    /**
     * The image at that URL.
     *
     * @throws IOException with one line that says why it can't be had, and names the URL
     */
    Image fetch(String url) throws IOException {
        if (url.regionMatches(true, 0, "data:", 0, 5)) {
            return decode(url);
        }
        URI uri = allowed(url);
        try {
            return client.execute(ClassicRequestBuilder.get(uri).build(), response -> read(url, response));
        } catch (IOException e) {
            throw e.getMessage() != null && e.getMessage().contains(url) ? e : new IOException("image " + url + ": " + e.getMessage(), e);
        }
    }

    private URI allowed(String url) throws IOException {
        try {
            URI uri = URI.create(url);
            String host = uri.getHost() == null ? "" : uri.getHost().toLowerCase(Locale.ROOT);
            boolean known = hosts.stream().anyMatch(allowed -> host.equals(allowed) || host.endsWith("." + allowed));
            boolean scheme = "https".equalsIgnoreCase(uri.getScheme()) || "http".equalsIgnoreCase(uri.getScheme()) && host.equals("127.0.0.1");
            if (known && scheme && uri.getUserInfo() == null) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw new IOException("image " + url + ": not an https URL on one of " + Property.IMAGES_HOSTS.key());
    }

    private Image read(String url, ClassicHttpResponse response) throws IOException {
        HttpEntity entity = response.getEntity();
        String type = entity == null || entity.getContentType() == null ? "" : entity.getContentType();
        if (response.getCode() != 200) {
            throw new IOException("image " + url + ": answered " + response.getCode());
        }
        if (!type.toLowerCase(Locale.ROOT).startsWith("image/")) {
            throw new IOException("image " + url + ": is not an image but '" + type + "'");
        }
        byte[] bytes = entity.getContent().readNBytes((int) Math.min(maxBytes + 1, Integer.MAX_VALUE - 8));
        if (bytes.length > maxBytes) {
            throw new IOException("image " + url + ": larger than " + Property.MAX_RESPONSE_BYTES.key());
        }
        if (bytes.length == 0) {
            throw new IOException("image " + url + ": is empty");
        }
        return new Image(bytes, type);
    }

    private static Image decode(String url) throws IOException {
        int comma = url.indexOf(',');
        if (comma < 0) {
            throw new IOException("image: a data URL without its data");
        }
        String head = url.substring(5, comma);
        boolean base64 = head.toLowerCase(Locale.ROOT).endsWith(";base64");
        String type = base64 ? head.substring(0, head.length() - 7) : head;
        try {
            byte[] bytes = base64 ? Base64.getMimeDecoder().decode(url.substring(comma + 1))
                    : URLDecoder.decode(url.substring(comma + 1).replace("+", "%2B"), StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
            return new Image(bytes, type.isBlank() ? "text/plain" : type);
        } catch (IllegalArgumentException e) {
            throw new IOException("image: a data URL that is not base64");
        }
    }

    @Override
    public void close() throws IOException {
        client.close();
    }
}
