package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Modifier;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;

import dev.bactrian.config.Property;
import dev.bactrian.simulator.Simulator;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.NamedNode;
import org.apache.camel.Processor;
import org.apache.camel.Route;
import org.apache.camel.main.Main;
import org.apache.camel.spi.InterceptStrategy;
import org.apache.camel.support.RoutePolicySupport;
import org.apache.camel.support.processor.DelegateAsyncProcessor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How large and how tangled the project is, measured: the table that {@code make check} prints, and that none of it grows. */
class StructureTest {

    private static final Path TABLE = Path.of("target/structure.txt");
    private static final Path CLASSES = Path.of(URI.create(Property.class.getProtectionDomain().getCodeSource().getLocation().toString()));
    private static final Pattern USE = Pattern.compile("(?m)^ +(dev\\.bactrian\\S*) +-> (dev\\.bactrian\\S*) ");
    private static final Pattern VARIABLE = Pattern.compile("variable\\.(\\w+)|setVariable:\\s(?:\\s*(?:id|description): .*\\n)*\\s*name: (\\w+)");
    private static final Pattern FOR_APPLICATIONS = Pattern.compile("For applications:([^;]*); the rest is internal");
    /** The packages of the library, from the bottom up. */
    private static final List<String> LAYERS = List.of("", "text", "config", "threads", "host", "error", "model", "request", "generate", "core",
            "limit", "http", "ledger", "cost", "observe", "flow", "emit", "batch", "upstage", "replicate", "jms", "kamelet", "file", "console", "door");
    private static final Set<String> BESIDE_THE_LIBRARY = Set.of("dev.bactrian.simulator", "dev.bactrian.standalone");

    @TempDir
    private Path folder;

    @Test
    void nothingGrowsBeyondItsBound() throws Exception {
        Traffic traffic = traffic();
        traffic.variables.addAll(variablesOfTheRoutes());
        Map<String, Set<String>> uses = packages();
        StringBuilder table = new StringBuilder();
        table.append(String.format(Locale.ROOT, "%-46s %7s %7s %7s%n", "", "is", "at most", "aim"));
        boolean fits = row(table, "lines of routes", routeFiles().stream().mapToInt(StructureTest::lines).sum(), 2300, 1200)
                & row(table, "routes", routes(), 44, 28)
                & row(table, "routes that a chat passes", traffic.chat, 5, 5)
                & row(table, "routes that a prediction with 3 polls passes", traffic.prediction, 8, 9)
                & row(table, "routes that a chat from a file passes", traffic.file, 9, 9)
                & row(table, "exchange variables", traffic.variables.size(), 5, 5)
                & row(table, "exchange variables without our prefix",
                        (int) traffic.variables.stream().filter(name -> !name.startsWith("bactrian")).count(), 0, 0)
                & row(table, "packages of the library in a cycle", inCycle(uses).size(), 0, 0)
                & row(table, "uses of a package further up", upwards(uses).size(), 0, 0)
                & row(table, "public types for applications", publicTypes(true), 11, 25)
                & row(table, "public types that are internal", publicTypes(false), 140, 104);
        table.append("variables: ").append(String.join(", ", traffic.variables)).append('\n');
        table.append("upwards: ").append(String.join(", ", upwards(uses))).append('\n');
        Files.writeString(TABLE, table);
        assertThat(fits).as("%s", table).isTrue();
    }

    private static boolean row(StringBuilder table, String what, int found, int most, int aim) {
        table.append(String.format(Locale.ROOT, "%-46s %7d %7d %7d%s%n", what, found, most, aim, found > most ? "  <-- too many" : ""));
        return found <= most;
    }

    private static List<Path> routeFiles() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("routes"))) {
            return files.filter(file -> file.toString().endsWith(".yaml")).toList();
        }
    }

    private static Set<String> variablesOfTheRoutes() throws IOException {
        Set<String> names = new TreeSet<>();
        for (Path file : routeFiles()) {
            Matcher name = VARIABLE.matcher(Files.readString(file));
            while (name.find()) {
                names.add(name.group(1) == null ? name.group(2) : name.group(1));
            }
        }
        return names;
    }

    private static int lines(Path file) {
        try (Stream<String> lines = Files.lines(file)) {
            return (int) lines.count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static int routes() throws IOException {
        int routes = 0;
        for (Path file : routeFiles()) {
            routes += (int) Files.readAllLines(file).stream().filter("- route:"::equals).count();
        }
        return routes;
    }

    /** The routes and variables that requests pass, in a Camel of the packaged routes. */
    private Traffic traffic() throws Exception {
        Traffic traffic = new Traffic();
        Main main = new Main();
        try (Simulator simulator = Simulator.builder().pause(Duration.ZERO).polls(3).start()) {
            main.configure().setRoutesIncludePattern("classpath:bactrian/*.camel.yaml");
            Map.of("replicate.api-endpoint", simulator.predictionsUrl(), "replicate.poll-endpoint", simulator.pollUrl(),
                    "replicate.stream", "off", "upstage.api-endpoint", simulator.chatUrl(), "replicate.poll-delay", "1ms", "images", "inline",
                    "images.hosts", "127.0.0.1", "data-dir", folder.resolve("data").toString())
                    .forEach((name, value) -> main.addProperty("bactrian." + name, value));
            Path outbox = folder.resolve("outbox");
            main.addProperty("bactrian.file.enabled", "true");
            main.addProperty("bactrian.file.inbox", folder.resolve("inbox").toString());
            main.addProperty("bactrian.emit.result", "file:" + outbox + "?fileName=${header.BactrianRequestId}.json");
            main.addProperty("bactrian.emit.error", "file:" + outbox + "?fileName=${header.BactrianRequestId}.error.json");
            main.init();
            CamelContext camel = main.getCamelContext();
            camel.addRoutePolicyFactory((context, id, route) -> traffic.counter());
            camel.getCamelContextExtension().addInterceptStrategy(traffic);
            main.start();

            traffic.chat = traffic.of(() -> main.getCamelTemplate().requestBody("direct:bactrian-generate", "{\"model\":\"solar-pro4\",\"prompt\":\"x\"}"));
            traffic.prediction = traffic.of(() -> main.getCamelTemplate()
                    .requestBody("direct:bactrian-generate", "{\"model\":\"google-deepmind/gemma-2b-it\",\"prompt\":\"x\"}"));
            traffic.file = traffic.of(() -> {
                Path request = Files.writeString(folder.resolve("chat.json"), "{\"model\":\"solar-pro4\",\"prompt\":\"x\"}");
                Files.move(request, Files.createDirectories(folder.resolve("inbox")).resolve("chat.json"));
                await("the result").until(() -> Files.exists(outbox.resolve("chat.json")));
            });
            // For the names of variables alone.
            traffic.of(() -> main.getCamelTemplate().requestBody("direct:bactrian-generate", "{\"kind\":\"image\",\"prompt\":\"x\"}"));
        } finally {
            main.stop();
        }
        return traffic;
    }

    /** Counts the routes that exchanges begin, and collects the names of their variables. */
    private static final class Traffic implements InterceptStrategy {

        private final AtomicInteger begun = new AtomicInteger();
        private final Set<String> variables = new ConcurrentSkipListSet<>();
        private int chat;
        private int prediction;
        private int file;

        private interface Work {
            void run() throws Exception;
        }

        int of(Work work) throws Exception {
            begun.set(0);
            work.run();
            return begun.get();
        }

        RoutePolicySupport counter() {
            return new RoutePolicySupport() {
                @Override
                public void onExchangeBegin(Route route, Exchange exchange) {
                    begun.incrementAndGet();
                }
            };
        }

        @Override
        public Processor wrapProcessorInInterceptors(CamelContext context, NamedNode definition, Processor target, Processor nextTarget) {
            return new DelegateAsyncProcessor(target) {
                @Override
                public boolean process(Exchange exchange, org.apache.camel.AsyncCallback callback) {
                    variables.addAll(exchange.getVariables().keySet());
                    return super.process(exchange, callback);
                }
            };
        }
    }

    /** Which packages of the library each of its packages uses. */
    private static Map<String, Set<String>> packages() {
        StringWriter out = new StringWriter();
        ToolProvider.findFirst("jdeps").orElseThrow().run(new PrintWriter(out), new PrintWriter(out),
                "--multi-release", "17", "--ignore-missing-deps", "-verbose:package", CLASSES.toString());
        Map<String, Set<String>> uses = new TreeMap<>();
        Matcher use = USE.matcher(out.toString());
        while (use.find()) {
            if (!BESIDE_THE_LIBRARY.contains(use.group(1)) && !use.group(1).equals(use.group(2))) {
                uses.computeIfAbsent(use.group(1), none -> new TreeSet<>()).add(use.group(2));
            }
        }
        assertThat(uses).as("%s", out).isNotEmpty();
        return uses;
    }

    /** The uses of a package by one that stands before it in {@link #LAYERS}. */
    private static List<String> upwards(Map<String, Set<String>> uses) {
        return uses.entrySet().stream().flatMap(use -> use.getValue().stream().filter(used -> layer(used) > layer(use.getKey()))
                .map(used -> use.getKey() + " -> " + used)).toList();
    }

    private static int layer(String name) {
        String last = name.equals("dev.bactrian") ? "" : name.replace("dev.bactrian.", "");
        assertThat(LAYERS).as("the packages from the bottom up").contains(last);
        return LAYERS.indexOf(last);
    }

    /** The packages from which a way of uses leads back to them. */
    private static Set<String> inCycle(Map<String, Set<String>> uses) {
        Set<String> found = new TreeSet<>();
        for (String from : uses.keySet()) {
            Set<String> reached = new HashSet<>();
            reach(from, uses, reached);
            if (reached.contains(from)) {
                found.add(from);
            }
        }
        return found;
    }

    private static void reach(String from, Map<String, Set<String>> uses, Collection<String> reached) {
        for (String next : uses.getOrDefault(from, Set.of())) {
            if (reached.add(next)) {
                reach(next, uses, reached);
            }
        }
    }

    /** Counts those for applications, or those of a package, or the part of it, that says in its {@code package-info} that it is internal. */
    private static int publicTypes(boolean forApplications) throws Exception {
        int types = 0;
        try (Stream<Path> files = Files.walk(CLASSES.resolve("dev/bactrian"))) {
            for (Path file : files.filter(f -> f.toString().endsWith(".class") && !f.toString().contains("$")).toList()) {
                String name = CLASSES.relativize(file).toString().replace('/', '.').replaceFirst("\\.class$", "");
                if (BESIDE_THE_LIBRARY.stream().noneMatch(name::startsWith) && !name.endsWith("package-info")
                        && Modifier.isPublic(Class.forName(name, false, StructureTest.class.getClassLoader()).getModifiers())
                        && isForApplications(name) == forApplications) {
                    types++;
                }
            }
        }
        return types;
    }

    private static boolean isForApplications(String type) throws IOException {
        String packageInfo = Files.readString(Path.of("src/main/java", type.replaceFirst("[^.]+$", "").replace('.', '/'), "package-info.java"));
        Matcher named = FOR_APPLICATIONS.matcher(packageInfo);
        return named.find() ? named.group(1).contains("{@link " + type + "}") : !packageInfo.contains("Internal.");
    }
}
