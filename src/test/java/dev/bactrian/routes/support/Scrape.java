package dev.bactrian.routes.support;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.apache.camel.CamelContext;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpServer;

/** What a Prometheus would fetch of an application, and its health as a probe would see it. */
public final class Scrape {

    /** The properties of an application that serves both on a free port. */
    public static final String[] SERVED = {
        "camel.management.enabled", "true", "camel.management.host", "127.0.0.1", "camel.management.port", "0",
        "camel.management.metrics-enabled", "true", "camel.management.health-check-enabled", "true",
        "camel.health.exposure-level", "full", "camel.metrics.enabled", "true", "camel.metrics.enable-route-policy", "false",
        "camel.metrics.enable-exchange-event-notifier", "false", "camel.metrics.enable-route-event-notifier", "false"};

    private static final Pattern SAMPLE = Pattern.compile("([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(.*)})? (\\S+)");
    private static final Pattern LABEL = Pattern.compile("([a-zA-Z_]\\w*)=\"((?:[^\"\\\\]|\\\\.)*)\"");

    /** A sample's name and labels. */
    public record Series(String name, Map<String, String> labels) {
    }

    private final String text;
    private final Map<Series, Double> samples = new LinkedHashMap<>();

    private Scrape(String text) {
        this.text = text;
        text.lines().filter(line -> !line.startsWith("#")).forEach(line -> {
            Matcher sample = SAMPLE.matcher(line);
            if (!sample.matches()) {
                throw new AssertionError("not a sample: " + line);
            }
            Map<String, String> labels = new TreeMap<>();
            Matcher label = LABEL.matcher(sample.group(2) == null ? "" : sample.group(2));
            while (label.find()) {
                labels.put(label.group(1), label.group(2));
            }
            samples.put(new Series(sample.group(1), labels), Double.valueOf(sample.group(3)));
        });
    }

    /** The metrics of an application of {@link #SERVED}. */
    public static Scrape of(CamelContext context) {
        return of(address(context));
    }

    /** The metrics that are served at that address. */
    public static Scrape of(String address) {
        return new Scrape(get(address + "/observe/metrics").body());
    }

    /** An answer of an application of {@link #SERVED}. */
    public static HttpResponse<String> get(CamelContext context, String path) {
        return get(address(context) + path);
    }

    private static String address(CamelContext context) {
        return "http://127.0.0.1:" + context.hasService(VertxPlatformHttpServer.class).getPort();
    }

    public static HttpResponse<String> get(String url) {
        try {
            // Vert.x may lose the answer to an upgrade to HTTP/2, which the client asks for by default.
            return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()
                    .send(HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(30)).build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(url, e);
        }
    }

    /** All samples. */
    public Map<Series, Double> samples() {
        return samples;
    }

    /** The sum of the samples of that name that have these labels: name, value, name, value, … */
    public double value(String name, String... labels) {
        return samples.entrySet().stream().filter(entry -> entry.getKey().name().equals(name))
                .filter(entry -> {
                    for (int i = 0; i < labels.length; i += 2) {
                        if (!labels[i + 1].equals(entry.getKey().labels().get(labels[i]))) {
                            return false;
                        }
                    }
                    return true;
                }).mapToDouble(Map.Entry::getValue).sum();
    }

    @Override
    public String toString() {
        return text;
    }
}
