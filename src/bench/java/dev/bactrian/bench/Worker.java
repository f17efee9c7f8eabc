package dev.bactrian.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

import jakarta.jms.JMSContext;
import jakarta.jms.JMSProducer;
import jakarta.jms.Queue;
import org.apache.camel.Body;
import org.apache.camel.CamelContext;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.component.jms.JmsComponent;
import org.apache.camel.main.Main;

/**
 * Bactrian with a trigger, in the process that is measured: {@code Worker TRIGGER URL REQUEST [BROKER]}. Reads commands from its
 * input: {@code fill N} adds requests, {@code open} and {@code close} start and stop the trigger, {@code record} and {@code recorded} start and
 * end a recording, {@code figures} does nothing else. Answers each command with its figures since the start: {@code cpu} and {@code jit} in
 * seconds, peaks of {@code threads}, {@code memory} and {@code heap} in MB. Prints the number of completed requests whenever it changes.
 */
public final class Worker {

    /** The prefix of the line with the number of completed requests. */
    static final String ENDED = "ended: ";

    /** The source of requests. */
    enum Trigger { QUEUE, FILE, DIRECT }

    private static final int CALLERS = 8;
    private static final int SENT_AT_ONCE = 500;
    private static final long SAY_MILLIS = 10;

    private final Main main;
    private final Trigger trigger;
    private final String request;
    private final Path inbox = TestBed.folder("inbox");
    private final ExecutorService callers = Executors.newFixedThreadPool(CALLERS);
    private final AtomicInteger ended = new AtomicInteger();
    private final AtomicInteger files = new AtomicInteger();
    private volatile long mostHeap;
    private Profile.Recorder recorder;
    private int toAsk;

    private Worker(Trigger trigger, String url, String request, String broker) throws Exception {
        this.trigger = trigger;
        this.request = request;
        main = Embedded.routes(url);
        main.bind("benchOutcomes", this);
        main.addProperty("bactrian.file.enabled", String.valueOf(trigger == Trigger.FILE));
        main.addProperty("bactrian.file.inbox", inbox.toString());
        main.addProperty("bactrian.jms.enabled", String.valueOf(trigger == Trigger.QUEUE));
        main.addProperty("bactrian.jms.url", broker);
        main.addProperty("bactrian.emit.chunk", Embedded.NO_OP);
        main.addProperty("bactrian.emit.result", "bean:benchOutcomes?method=succeeded");
        main.addProperty("bactrian.emit.error", "bean:benchOutcomes?method=failed");
        System.getProperties().stringPropertyNames().stream().filter(name -> name.startsWith("bactrian."))
                .forEach(name -> main.addProperty(name, System.getProperty(name)));
        main.start();
    }

    /** Runs until its input ends or the process is killed. */
    public static void main(String[] args) {
        try {
            Worker worker = new Worker(Trigger.valueOf(args[0]), args[1], args[2], args.length > 3 ? args[3] : "");
            Executors.newSingleThreadExecutor().execute(worker::sayWhatEnded);
            System.out.println(Rounds.MARK);
            var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            String line = input.readLine();
            while (line != null) {
                String[] words = line.split(" ");
                switch (words[0]) {
                    case "fill" -> worker.fill(Integer.parseInt(words[1]));
                    case "open" -> worker.open();
                    case "close" -> worker.close();
                    case "record" -> worker.recorder = Profile.record();
                    case "recorded" -> worker.recorder.close();
                    default -> { }
                }
                System.out.println(Rounds.line(Map.of("cpu", Readings.processorSeconds(), "jit", Readings.compilerSeconds(),
                        "threads", (double) Readings.peakThreads(), "memory", Readings.peakMegabytes(), "heap", worker.mostHeap / 1e6)));
                line = input.readLine();
            }
            System.exit(0);
        } catch (Exception e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private void sayWhatEnded() {
        int said = 0;
        while (true) {
            int now = ended.get();
            mostHeap = Math.max(mostHeap, Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
            if (now != said) {
                System.out.println(ENDED + now);
                said = now;
            }
            try {
                Thread.sleep(SAY_MILLIS);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    /** Counts a result. */
    public void succeeded() {
        ended.incrementAndGet();
    }

    /** Ends the process, because figures with a failed request are worthless. */
    public void failed(@Body String document) {
        System.err.println(document);
        Runtime.getRuntime().halt(1);
    }

    private void fill(int requests) throws IOException {
        switch (trigger) {
            case QUEUE -> send(requests);
            case FILE -> write(requests);
            case DIRECT -> toAsk = requests;
        }
    }

    private void send(int requests) {
        JmsComponent jms = main.getCamelContext().getComponent("jms", JmsComponent.class);
        try (JMSContext context = jms.getConnectionFactory().createContext(JMSContext.SESSION_TRANSACTED)) {
            JMSProducer producer = context.createProducer();
            Queue queue = context.createQueue("bactrian.requests");
            for (int i = 1; i <= requests; i++) {
                producer.send(queue, request);
                if (i % SENT_AT_ONCE == 0 || i == requests) {
                    context.commit();
                }
            }
        }
    }

    /** Writes files with an old modification time, so that they count as complete at once. */
    private void write(int requests) throws IOException {
        FileTime old = FileTime.from(Instant.now().minusSeconds(60));
        for (int i = 0; i < requests; i++) {
            String name = "bench-" + files.incrementAndGet() + (request.startsWith("{") ? ".json" : ".txt");
            Path written = Files.writeString(inbox.resolve("." + name), request);
            Files.setLastModifiedTime(written, old);
            Files.move(written, inbox.resolve(name));
        }
    }

    private void open() throws Exception {
        CamelContext context = main.getCamelContext();
        switch (trigger) {
            case QUEUE -> context.getRouteController().startRoute("bactrian-from-jms");
            case FILE -> context.getRouteController().startRoute("bactrian-from-file");
            case DIRECT -> {
                ProducerTemplate template = context.createProducerTemplate();
                for (int i = 0; i < toAsk; i++) {
                    callers.execute(() -> {
                        template.requestBody("direct:generate", request, String.class);
                        succeeded();
                    });
                }
            }
        }
    }

    private void close() throws Exception {
        CamelContext context = main.getCamelContext();
        switch (trigger) {
            case QUEUE -> context.getRouteController().stopRoute("bactrian-from-jms");
            case FILE -> context.getRouteController().stopRoute("bactrian-from-file");
            case DIRECT -> { }
        }
    }
}
