package dev.bactrian.soak;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;

import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Simulator;

/**
 * {@code Soak [minutes=N] [rate=N] [seed=N]}: sends requests of all kinds at a steady rate for so many minutes, while the
 * providers and a destination fail in all ways; waits until each has its outcome, and prints what there was. Ends with 1
 * where an outcome is missing or doubled, or something was created that nobody asked for; never for a time or a size.
 */
public final class Soak {

    private static final Duration LONGEST_REST = Duration.ofMinutes(4);
    private static final Duration IDLE = Duration.ofSeconds(15);
    private static final int MOST_SHOWN = 20;

    private final double minutes;
    private final double perSecond;
    private final long seed;
    private final Path folder;
    private final List<String> wrong = new ArrayList<>();

    private Soak(Map<String, String> options) throws IOException {
        minutes = Double.parseDouble(options.get("minutes"));
        perSecond = Double.parseDouble(options.get("rate"));
        seed = options.get("seed").isEmpty() ? System.currentTimeMillis() : Long.parseLong(options.get("seed"));
        folder = Path.of("target/soak", LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss"))).toAbsolutePath();
        for (String name : List.of("inbox", "cancel", "routes")) {
            Files.createDirectories(folder.resolve(name));
        }
        try (Stream<Path> routes = Files.list(Path.of("routes"))) {
            for (Path route : routes.toList()) {
                Files.copy(route, folder.resolve("routes").resolve(route.getFileName()));
            }
        }
        // Requests are cancelled by a route of the host's; here that is one that reads their ids from files.
        Files.writeString(folder.resolve("routes/cancel-by-file.camel.yaml"), """
                - route:
                    id: soak-cancel
                    from:
                      uri: file:cancel
                      parameters:
                        delete: true
                        readLock: none
                      steps:
                        - convertBodyTo:
                            type: String
                        - to:
                            uri: direct:cancel
                """);
    }

    /** Runs in the project's folder, once it is packaged. */
    public static void main(String[] args) throws Exception {
        Map<String, String> options = new TreeMap<>(Map.of("minutes", "10", "rate", "10", "seed", ""));
        for (String arg : args) {
            String[] option = arg.split("=", 2);
            if (option.length < 2 || !options.containsKey(option[0])) {
                System.err.println("usage: Soak [minutes=N] [rate=N] [seed=N]");
                System.exit(2);
            }
            if (!option[1].isBlank()) {
                options.put(option[0], option[1]);
            }
        }
        System.exit(new Soak(options).run() ? 0 : 1);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private boolean run() throws Exception {
        System.out.printf("soak: seed %d, %.1f minutes, %.1f requests a second, in %s%n", seed, minutes, perSecond, folder);
        Random random = new Random(seed);
        String broker = "tcp://127.0.0.1:" + freePort();
        try (Simulator simulator = Simulator.builder().pause(Duration.ofMillis(20)).recording(false).start();
                HttpSink hook = new HttpSink();
                Service service = new Service(folder, options(simulator, hook, broker))) {
            service.awaitReady();
            Faults faults = new Faults(simulator, random);
            try (Work work = new Work(folder, broker, random, faults)) {
                Service.Reading start = service.reading();
                Service.Reading middle = work(service, hook, work);
                int atEnd = Outcomes.count(folder);
                await(service, work);
                Thread.sleep(IDLE.toMillis());
                Service.Reading end = service.isAlive() ? service.reading() : middle;
                if (!service.isAlive()) {
                    wrong.add("the service has ended by itself");
                } else if (!service.stop()) {
                    wrong.add("the service did not end within a minute of SIGTERM");
                }
                report(service, work, faults, Outcomes.of(folder, work.ids(), hook), simulator, new Service.Reading[] {start, middle, end}, atEnd);
            }
        }
        return wrong.isEmpty();
    }

    private List<String> options(Simulator simulator, HttpSink hook, String broker) {
        List<String> options = new ArrayList<>(List.of("-Xmx256m", "-Dfile.encoding=UTF-8"));
        Map<String, String> properties = new TreeMap<>();
        properties.put("upstage.api-endpoint", simulator.chatUrl());
        properties.put("replicate.api-endpoint", simulator.predictionsUrl());
        properties.put("replicate.poll-endpoint", simulator.pollUrl());
        properties.put("replicate.stream-hosts", "127.0.0.1");
        properties.put("replicate.poll-delay", "300ms");
        properties.put("routes", folder.resolve("routes").toString());
        properties.put("emit.result", "file:outbox?fileName=${header.BactrianRequestId}.json | " + hook.uri());
        properties.put("emit.error", "file:outbox?fileName=${header.BactrianRequestId}.error.json | " + hook.uri());
        properties.put("emit.chunk", "file:chunks?fileName=${header.BactrianRequestId}.txt&fileExist=Append&charset=UTF-8");
        properties.put("emit.timeout", "4s");
        properties.put("jms.enabled", "true");
        properties.put("jms.acceptor", broker);
        properties.put("connect-timeout", "2s");
        properties.put("response-timeout", "5s");
        properties.put("stall-timeout", "3s");
        properties.put("retry.delay", "200ms");
        properties.put("retry.max-delay", "2s");
        properties.put("max-response-bytes", "1MB");
        properties.put("management.port", "0");
        properties.put("http.enabled", "false");
        properties.forEach((name, value) -> options.add("-Dbactrian." + name + "=" + value));
        return options;
    }

    /** Sends requests at the rate, while the hook changes its mood; what the service holds half way through. */
    private Service.Reading work(Service service, HttpSink hook, Work work) throws Exception {
        long start = System.nanoTime();
        long all = Math.round(minutes * 60 * perSecond);
        Service.Reading middle = null;
        for (int i = 0; i < all && service.isAlive(); i++) {
            long due = start + (long) (i / perSecond * 1e9);
            Thread.sleep(Math.max(0, (due - System.nanoTime()) / 1_000_000));
            hook.become(mood((System.nanoTime() - start) / 1_000_000_000));
            work.request();
            if (i == all / 2) {
                middle = service.reading();
            }
            if (i % Math.round(30 * perSecond) == 0) {
                System.out.printf("soak: %d sent, %d ended%n", i + 1, Outcomes.count(folder));
            }
        }
        hook.become(HttpSink.Mood.WELL);
        return middle == null ? service.reading() : middle;
    }

    /** In each minute it is busy for 3 s, silent for 6 s and gone for 10 s. */
    private static HttpSink.Mood mood(long second) {
        long at = second % 60;
        return at >= 15 && at < 18 ? HttpSink.Mood.BUSY : at >= 25 && at < 31 ? HttpSink.Mood.SILENT : at >= 40 && at < 50 ? HttpSink.Mood.GONE : HttpSink.Mood.WELL;
    }

    private void await(Service service, Work work) throws IOException, InterruptedException {
        long until = System.nanoTime() + LONGEST_REST.toNanos();
        while (service.isAlive() && System.nanoTime() < until && (Outcomes.count(folder) < work.ids().size() || Outcomes.files(folder.resolve("inbox")) > 0)) {
            Thread.sleep(200);
        }
    }

    private void report(Service service, Work work, Faults faults, Outcomes outcomes, Simulator simulator, Service.Reading[] readings, int atEnd)
            throws IOException {
        wrong.addAll(outcomes.wrong());
        // A create that was answered 429 or whose connection could not be made is repeated; no other.
        int created = simulator.count(Call.CREATE);
        int mostCreates = work.predictions() + faults.made(Call.CREATE, "429");
        if (created > mostCreates) {
            wrong.add(created + " creates for " + work.predictions() + " predictions and " + faults.made(Call.CREATE, "429") + " answers of 429");
        }
        System.out.println();
        System.out.println("| | start, idle | middle, busy | end, idle |");
        System.out.println("|---|---|---|---|");
        row("heap after a full collection, MB", readings, Service.Reading::heapMegabytes);
        row("resident memory, MB", readings, Service.Reading::residentMegabytes);
        row("threads", readings, reading -> (double) reading.threads());
        row("descriptors", readings, reading -> (double) reading.descriptors());
        System.out.println();
        System.out.println("| what | how many |");
        System.out.println("|---|---|");
        say("requests", work.ids().size() + ", " + (work.ids().size() - atEnd) + " of them without an outcome when the last was sent");
        outcomes.kinds().forEach((kind, count) -> say(kind, count));
        say("faults of the providers; cancels", faults.made() + "; " + work.cancels());
        say("creates; requests for predictions", created + "; " + work.predictions());
        say("outcomes that the hook did not take: undelivered", outcomes.undelivered());
        say("log lines WARN; ERROR; of stack traces", service.warnings() + "; " + service.errors() + "; " + service.frames());
        say("files `.tmp-*` left", Outcomes.filesNamed(folder, ".tmp-"));
        say("records of the ledger left", Outcomes.files(folder.resolve("data/predictions")));
        say("requests left in the inbox", Outcomes.files(folder.resolve("inbox")));
        System.out.println();
        wrong.stream().limit(MOST_SHOWN).forEach(line -> System.out.println("soak: wrong: " + line));
        System.out.printf("soak: seed %d: %s%n", seed, wrong.isEmpty() ? "each request has one outcome" : wrong.size() + " things are wrong; see " + folder);
    }

    private static void row(String name, Service.Reading[] readings, java.util.function.ToDoubleFunction<Service.Reading> figure) {
        StringBuilder row = new StringBuilder("| ").append(name).append(" |");
        for (Service.Reading reading : readings) {
            double value = figure.applyAsDouble(reading);
            row.append(' ').append(value < 0 ? "–" : String.valueOf(Math.round(value))).append(" |");
        }
        System.out.println(row);
    }

    private static void say(String what, Object howMany) {
        System.out.println("| " + what + " | " + howMany + " |");
    }
}
