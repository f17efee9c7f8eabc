package dev.bactrian.emit;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

import dev.bactrian.Version;
import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import dev.bactrian.http.AnswerRoom;
import dev.bactrian.http.CertificateFaultException;
import dev.bactrian.http.Hosts;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.http.StallTimeoutExecutor;
import dev.bactrian.http.Tls;
import dev.bactrian.text.OneLine;
import dev.bactrian.threads.ScheduledPool;
import org.apache.camel.CamelContext;
import org.apache.hc.client5.http.SystemDefaultDnsResolver;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClientBuilder;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpHeaders;
import org.apache.hc.core5.io.CloseMode;
import org.apache.hc.core5.util.TimeValue;
import org.apache.hc.core5.util.Timeout;

/**
 * Downloads images whose URLs come from an answer: only by https, only from the hosts of {@code bactrian.images.hosts}, only from public
 * addresses, and without a token. Exception for the simulator: http and {@code 127.0.0.1} are allowed if that address is listed.
 */
final class ImageClient {

    private static final String LOOPBACK = "127.0.0.1";
    private static final int MOST_HOPS = 3;
    private static final int MOST_AT_ONCE = 32;

    private final AnswerRoom room;
    private final Hosts hosts;
    private final long maxBytes;
    private final long maxMillis;
    private final CloseableHttpClient client;
    private final ScheduledExecutorService clock;
    private volatile boolean closed;

    /** Creates a client; {@code room} limits the memory of its downloads. */
    ImageClient(CamelContext context, Settings settings, AnswerRoom room) {
        this.room = room;
        clock = new ScheduledPool(context, "bactrian-image-clock", 1);
        hosts = Hosts.of(settings.text(Property.IMAGES_HOSTS).orElse(""));
        maxBytes = settings.bytes(Property.IMAGES_MAX_BYTES);
        maxMillis = settings.duration(Property.IMAGES_TIMEOUT).toMillis();
        Timeout stall = Timeout.of(settings.duration(Property.STALL_TIMEOUT));
        PoolingHttpClientConnectionManagerBuilder connections = PoolingHttpClientConnectionManagerBuilder.create()
                .setMaxConnTotal(MOST_AT_ONCE)
                .setMaxConnPerRoute(MOST_AT_ONCE)
                .setConnectionFactory(ProviderHttp.quietConnections())
                .setTlsSocketStrategy(Tls.of(context, settings, clock))
                .setDefaultConnectionConfig(ConnectionConfig.custom()
                        .setValidateAfterInactivity(TimeValue.ZERO_MILLISECONDS)
                        .setConnectTimeout(Timeout.of(settings.duration(Property.CONNECT_TIMEOUT))).build());
        if (settings.proxy(Property.REPLICATE_PROXY).isEmpty()) {
            // With a proxy, the proxy resolves the host, and this resolver would reject a proxy that has a private address.
            connections.setDnsResolver(new PublicAddresses(SystemDefaultDnsResolver.INSTANCE,
                    hosts.allow("http://" + LOOPBACK) ? Set.of(LOOPBACK) : Set.of()));
        }
        HttpClientBuilder builder = HttpClients.custom()
                .setConnectionManager(connections.build())
                .setDefaultRequestConfig(RequestConfig.custom()
                        .setResponseTimeout(Timeout.of(settings.duration(Property.RESPONSE_TIMEOUT)))
                        .setConnectionRequestTimeout(Timeout.ofMilliseconds(maxMillis))
                        .setProtocolUpgradeEnabled(false).build())
                .setRequestExecutor(new StallTimeoutExecutor(stall, clock))
                .setUserAgent("bactrian/" + Version.current())
                .disableAutomaticRetries().disableRedirectHandling().disableCookieManagement().disableAuthCaching();
        ProviderHttp.through(settings.proxy(Property.REPLICATE_PROXY), builder);
        client = builder.build();
    }

    /**
     * Downloads an image.
     *
     * @throws ImageException with a one-line reason if it cannot be downloaded
     */
    ImageContent fetch(String url) throws ImageException {
        if (ImageContent.isData(url)) {
            ImageContent image = ImageContent.of(url);
            if (image.bytes().length > maxBytes) {
                throw tooLarge();
            }
            return image;
        }
        long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(maxMillis);
        URI uri = allowed(url);
        for (int hop = 0; hop <= MOST_HOPS; hop++) {
            Answer answer = get(uri, TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime()));
            if (answer.image() != null) {
                return answer.image();
            }
            uri = next(uri, answer);
        }
        throw new ImageException("redirects more than " + MOST_HOPS + " times");
    }

    private URI allowed(String url) throws ImageException {
        if (!hosts.allow(url)) {
            throw new ImageException("is not an https URL on one of " + Property.IMAGES_HOSTS.key());
        }
        return URI.create(url);
    }

    private static String host(URI uri) {
        return uri.getHost() == null ? "" : uri.getHost().toLowerCase(Locale.ROOT);
    }

    private static int port(URI uri) {
        return uri.getPort() >= 0 ? uri.getPort() : "https".equalsIgnoreCase(uri.getScheme()) ? 443 : 80;
    }

    private URI next(URI from, Answer answer) throws ImageException {
        try {
            URI to = from.resolve(URI.create(answer.location()));
            if (host(to).equals(host(from)) && port(to) == port(from)) {
                return allowed(to.toString());
            }
        } catch (IllegalArgumentException e) {
            // reported below
        }
        throw new ImageException("answered " + answer.status() + ", a redirect to another host");
    }

    /** An answer: the image, or the target of a redirect. */
    private record Answer(ImageContent image, int status, String location) {
    }

    private Answer get(URI uri, long millis) throws ImageException {
        HttpGet request = new HttpGet(uri);
        request.setHeader(HttpHeaders.ACCEPT, "image/*");
        AtomicBoolean late = new AtomicBoolean();
        Future<?> alarm = clock.schedule(() -> {
            late.set(true);
            request.cancel();
        }, Math.max(millis, 1), TimeUnit.MILLISECONDS);
        try {
            return client.execute(request, this::read);
        } catch (ImageException e) {
            throw e;
        } catch (PublicAddresses.NotPublicException e) {
            throw new ImageException(e.getMessage());
        } catch (IOException e) {
            throw late.get() ? new ImageException("took longer than " + Property.IMAGES_TIMEOUT.key())
                    : new ImageException(e.getMessage() == null ? e.getClass().getSimpleName() : OneLine.of(e.getMessage()),
                            !(e instanceof CertificateFaultException));
        } finally {
            alarm.cancel(false);
        }
    }

    private Answer read(ClassicHttpResponse response) throws IOException {
        int status = response.getCode();
        Header location = response.getFirstHeader(HttpHeaders.LOCATION);
        if (location != null && (status == 301 || status == 302 || status == 303 || status == 307 || status == 308)) {
            return new Answer(null, status, location.getValue());
        }
        if (status != 200) {
            throw new ImageException("answered " + status, status == 404 || status == 408 || status == 429 || status >= 500);
        }
        HttpEntity entity = response.getEntity();
        if (entity == null) {
            throw new ImageException("is empty", true);
        }
        if (entity.getContentLength() > maxBytes) {
            throw tooLarge();
        }
        byte[] bytes;
        try (InputStream content = room.counted(entity.getContent())) {
            bytes = content.readNBytes((int) Math.min(maxBytes + 1, Integer.MAX_VALUE - 8));
        }
        if (bytes.length > maxBytes) {
            throw tooLarge();
        }
        return new Answer(ImageContent.of(bytes, entity.getContentType()), status, null);
    }

    private static ImageException tooLarge() {
        return new ImageException("larger than " + Property.IMAGES_MAX_BYTES.key());
    }

    boolean isClosed() {
        return closed;
    }

    /** Aborts the downloads in progress and refuses new ones. */
    void close() {
        closed = true;
        client.close(CloseMode.IMMEDIATE);
        clock.shutdownNow();
    }
}
