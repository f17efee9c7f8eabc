package dev.bactrian.standalone;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

import dev.bactrian.Version;
import dev.bactrian.config.Masked;
import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.config.Settings.ReplicateApi;
import dev.bactrian.console.Console;
import dev.bactrian.door.DoorServer;
import dev.bactrian.emit.Emitter;
import dev.bactrian.generate.Models;
import dev.bactrian.simulator.Simulator;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.main.BaseMainSupport;
import org.apache.camel.main.Main;
import org.apache.camel.main.MainListenerSupport;
import org.slf4j.Logger;

/** The standalone service: the packaged routes in a Camel context of their own, with the simulator if no provider is configured. */
final class Service implements AutoCloseable {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian");

    private static final String SETTINGS = "bactrianSettings";
    /** Camel's own property for the shutdown timeout, in seconds. */
    private static final String CAMELS_TIMEOUT = "camel.main.shutdown-timeout";
    /** How much longer Camel's timeout is than ours, in seconds, so that the remaining work can be put away in time. */
    private static final int MORE_SECONDS = 2;
    /** How much longer than Camel's timeout a stop may take. */
    private static final Duration LAST = Duration.ofSeconds(3);
    private static final int FRAMES = 4;

    private final Main main = new Main();
    private final Settings settings;
    private final Simulator simulator;
    private final Management management;
    private final DoorServer door = new DoorServer();
    private final long begun = System.nanoTime();

    /**
     * Creates the service.
     *
     * @throws SettingException if a property is missing or malformed
     */
    Service(Map<String, String> configured) {
        Settings asked = Settings.of(bactrian(configured));
        simulator = simulated(asked) ? Simulator.start() : null;
        Map<String, String> properties = new LinkedHashMap<>(configured);
        if (!asked.isSet(Property.FILE_ENABLED)) {
            // An application may not want an inbox, but the service exists for it.
            properties.put(Property.FILE_ENABLED.key(), "true");
        }
        if (!asked.isSet(Property.HTTP_ENABLED)) {
            properties.put(Property.HTTP_ENABLED.key(), String.valueOf(isFree(asked)));
        }
        if (!asked.isSet(Property.HTTP_CONSOLE)) {
            properties.put(Property.HTTP_CONSOLE.key(), "full");
        }
        if (simulator != null) {
            properties.putAll(simulatorEndpoints(asked));
        }
        timeouts(properties);
        settings = Settings.of(bactrian(properties));
        properties.forEach(main::addProperty);
        main.configure().setRoutesIncludePattern(routes(settings.require(Property.ROUTES)));
        main.bind(SETTINGS, settings);
        main.bind(Emitter.STANDALONE, true);
        if (settings.flag(Property.HTTP_ENABLED)) {
            main.addMainListener(new MainListenerSupport() {
                @Override
                public void beforeInitialize(BaseMainSupport starting) {
                    addDoor(starting.getCamelContext());
                }
            });
        }
        int port = settings.count(Property.MANAGEMENT_PORT);
        management = port == 0 ? null : new Management(port);
        if (simulator != null) {
            main.bind(Console.SIMULATOR, simulator.url());
        }
        if (management != null) {
            main.bind("metricsRegistry", management.meters());
        }
    }

    /**
     * Whether the HTTP port is free. Another instance on the same machine may have it; only a service whose door is configured does not
     * start then.
     */
    private static boolean isFree(Settings asked) {
        int port = asked.count(Property.HTTP_PORT);
        if (asked.isSet(Property.HTTP_PORT) || port == 0) {
            return true;
        }
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(asked.require(Property.HTTP_HOST), port));
            return true;
        } catch (IOException e) {
            LOG.warn("{}: port {} is in use; the HTTP door is closed", Property.HTTP_PORT.key(), port);
            return false;
        }
    }

    private void addDoor(CamelContext context) {
        try {
            context.addService(door, true, true);
        } catch (SettingException e) {
            throw e;
        } catch (Exception e) {
            throw RuntimeCamelException.wrapRuntimeCamelException(e);
        }
    }

    private static Map<String, String> bactrian(Map<String, String> properties) {
        return properties.entrySet().stream().filter(entry -> entry.getKey().startsWith(Property.PREFIX))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    }

    /**
     * Sets our shutdown timeout to the configured value, or else to Camel's if that is configured, or else to the default; sets
     * Camel's a little longer.
     */
    private static void timeouts(Map<String, String> properties) {
        String ours = Property.SHUTDOWN_TIMEOUT.key();
        String camels = properties.get(CAMELS_TIMEOUT);
        if (properties.getOrDefault(ours, "").isBlank()) {
            properties.put(ours, camels != null && camels.trim().matches("\\d{1,9}") ? camels.trim() + "s"
                    : Property.SHUTDOWN_TIMEOUT.defaultValue(false).orElseThrow());
        }
        Duration grace = Settings.of(Map.of(ours, properties.get(ours))).duration(Property.SHUTDOWN_TIMEOUT);
        properties.put(CAMELS_TIMEOUT, Long.toString(grace.plusMillis(999).toSeconds() + MORE_SECONDS));
    }

    private static boolean simulated(Settings settings) {
        return switch (settings.require(Property.SIMULATOR)) {
            case "true" -> true;
            case "false" -> false;
            default -> !settings.isSet(Property.REPLICATE_API_TOKEN) && !settings.isSet(Property.UPSTAGE_API_KEY)
                    && !settings.isSet(Property.REPLICATE_API_ENDPOINT) && !settings.isSet(Property.REPLICATE_POLL_ENDPOINT)
                    && !settings.isSet(Property.UPSTAGE_API_ENDPOINT) && !settings.isOtherProviderSet() && !addsProviders(settings);
        };
    }

    /** Whether the configured catalogue adds a provider, which may need no key. */
    private static boolean addsProviders(Settings settings) {
        if (!settings.isSet(Property.MODELS)) {
            return false;
        }
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            context.getRegistry().bind(SETTINGS, settings);
            return !Models.of(context).catalogue().openAiProviders().isEmpty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Map<String, String> simulatorEndpoints(Settings asked) {
        boolean official = asked.replicateApi() == ReplicateApi.OFFICIAL;
        return Map.of(
                Property.REPLICATE_API_ENDPOINT.key(), official ? simulator.predictionsUrl() : simulator.homepageCreateUrl(),
                Property.REPLICATE_POLL_ENDPOINT.key(), official ? simulator.pollUrl() : simulator.homepagePollUrl(),
                Property.UPSTAGE_API_ENDPOINT.key(), asked.playground() ? simulator.playgroundChatUrl() : simulator.chatUrl(),
                Property.IMAGES_HOSTS.key(), "127.0.0.1",
                Property.REPLICATE_STREAM_HOSTS.key(), "127.0.0.1");
    }

    private static String routes(String location) {
        if (location.startsWith("classpath:")) {
            return location + "/*.camel.yaml";
        }
        Path folder = Path.of(location.replaceFirst("^file:", ""));
        if (!Files.isDirectory(folder)) {
            throw new SettingException(Property.ROUTES.key(), "'" + location + "' is not a folder");
        }
        return "file:" + folder.toAbsolutePath() + "/*.yaml";
    }

    /** Makes a bean available to the routes. */
    void bind(String name, Object bean) {
        main.bind(name, bean);
    }

    /** Starts the service and logs its endpoints; returns once the routes run. */
    void start() throws Exception {
        main.start();
        int routes = main.getCamelContext().getRoutesSize();
        if (routes == 0) {
            throw new SettingException(Property.ROUTES.key(), "no routes found there");
        }
        if (simulator != null) {
            LOG.info("No provider is called: the built-in simulator at {} answers for both", simulator.url());
        }
        if (settings.flag(Property.FILE_ENABLED)) {
            LOG.info("Watching  {}", Path.of(settings.require(Property.FILE_INBOX)).toAbsolutePath());
        }
        if (settings.flag(Property.JMS_ENABLED)) {
            LOG.info("Queue     {} at the broker {}", settings.require(Property.JMS_REQUESTS), broker());
        }
        if (settings.flag(Property.HTTP_ENABLED)) {
            LOG.info("HTTP      http://{}:{}/v1", settings.require(Property.HTTP_HOST), door.port());
            if (!settings.require(Property.HTTP_CONSOLE).equals("off")) {
                LOG.info("Console   http://{}:{}/", settings.require(Property.HTTP_HOST), door.port());
            }
        }
        say("Results   ", Property.EMIT_RESULT);
        say("Errors    ", Property.EMIT_ERROR);
        say("Chunks    ", Property.EMIT_CHUNK);
        LOG.info("Replicate {}{}", settings.require(Property.REPLICATE_API_ENDPOINT), via(Property.REPLICATE_PROXY));
        LOG.info("Upstage   {}{}", settings.require(Property.UPSTAGE_API_ENDPOINT), via(Property.UPSTAGE_PROXY));
        Models.of(main.getCamelContext()).catalogue().openAiProviders().forEach((name, endpoint) -> {
            Settings.OtherProvider provider = settings.provider(name.toString(), endpoint.orElse(null));
            LOG.info("{} {}{}", String.format(Locale.ROOT, "%-9s", name.toString()), provider.endpoint(), provider.proxy().map(p -> " via " + p).orElse(""));
        });
        LOG.info("Bactrian {} ready with {} routes in {} ms", Version.current(), routes, (System.nanoTime() - begun) / 1_000_000);
        if (management != null) {
            management.open(main.getCamelContext());
        }
    }

    private String broker() {
        return settings.text(Property.JMS_CONNECTION_FACTORY).map(bean -> "of " + bean)
                .or(() -> settings.text(Property.JMS_URL).map(Settings::withoutQueries))
                .orElseGet(() -> "inside this process" + settings.text(Property.JMS_ACCEPTOR).map(url -> ", " + Settings.withoutQueries(url)).orElse("")
                        + ", its journal in " + Path.of(settings.require(Property.DATA_DIR), "broker").toAbsolutePath());
    }

    private void say(String what, Property property) {
        List<String> uris = settings.endpoints(property).stream().map(Masked::uri).toList();
        if (!uris.isEmpty()) {
            LOG.info("{}{}", what, String.join(" | ", uris));
        }
    }

    private String via(Property proxy) {
        return settings.proxy(proxy).map(p -> " via " + p).orElse("");
    }

    /** Waits until the process is stopped. */
    void join() throws InterruptedException {
        Thread.currentThread().join();
    }

    /**
     * Stops as {@link #close}, but returns at the latest 5 s after the shutdown timeout. A broker that does not answer could hold the stop
     * for another minute; everything that must not be lost has been put away by then.
     *
     * @return whether it has stopped
     */
    boolean stop() throws InterruptedException {
        Duration longest = settings.duration(Property.SHUTDOWN_TIMEOUT).plusSeconds(MORE_SECONDS).plus(LAST);
        Thread stop = new Thread(this::close, "bactrian-close");
        stop.setDaemon(true);
        stop.start();
        stop.join(longest.toMillis());
        if (stop.isAlive()) {
            LOG.warn("The service did not stop within {} s, and ends now. It waits in {}", longest.toSeconds(), Arrays.stream(stop.getStackTrace())
                    .filter(frame -> !frame.getClassName().matches("(java|jdk)\\..*")).limit(FRAMES).map(StackTraceElement::toString).collect(Collectors.joining(", ")));
            return false;
        }
        return true;
    }

    /** Stops taking new work, waits for work in progress, and stops. */
    @Override
    public void close() {
        main.stop();
        if (simulator != null) {
            simulator.close();
        }
    }
}
