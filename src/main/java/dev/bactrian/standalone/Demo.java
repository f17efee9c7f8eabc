package dev.bactrian.standalone;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.generate.Headers;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.Body;
import org.apache.camel.Header;

/** The main class of {@code make demo}: runs the service on the requests in the inbox until each has its result or error. */
public final class Demo {

    private static final long LONGEST_MINUTES = 5;

    private final PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    private final CountDownLatch open;
    private final AtomicInteger failed = new AtomicInteger();

    private Demo(int requests) {
        open = new CountDownLatch(requests);
    }

    /** Runs the demo in the working directory. Exits with 0 if all requests succeed and with 1 if one fails or takes too long. */
    public static void main(String[] args) {
        // The demo prints each result itself.
        System.getProperties().putIfAbsent("org.slf4j.simpleLogger.log.dev.bactrian.requests", "error");
        Bactrian.useIso();
        Bactrian.quietLogs();
        System.exit(run());
    }

    private static int run() {
        Map<String, String> properties = Configuration.load(System.getenv(), System.getProperties());
        properties.put(Property.EMIT_RESULT.key(), Property.EMIT_RESULT.defaultValue(false).orElseThrow() + " | bean:demo?method=outcome");
        properties.put(Property.EMIT_ERROR.key(), Property.EMIT_ERROR.defaultValue(false).orElseThrow() + " | bean:demo?method=outcome");
        properties.put(Property.EMIT_CHUNK.key(), "bean:demo?method=chunk");
        properties.put(Property.MANAGEMENT_PORT.key(), "0");
        properties.put(Property.HTTP_ENABLED.key(), "false");
        try (Stream<Path> files = Files.list(Path.of("inbox"))) {
            Demo demo = new Demo((int) files.filter(Files::isRegularFile).count());
            try (Service service = new Service(properties)) {
                service.bind("demo", demo);
                service.start();
                boolean all = demo.open.await(LONGEST_MINUTES, TimeUnit.MINUTES);
                return all && demo.failed.get() == 0 ? 0 : 1;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 1;
        } catch (IOException e) {
            System.err.println("bactrian: the demo needs a folder 'inbox' with requests: " + OneLine.of(String.valueOf(e.getMessage())));
            return 2;
        } catch (Exception e) {
            System.err.println("bactrian: " + Bactrian.reason(e));
            return 2;
        }
    }

    /** Prints a chunk. */
    public void chunk(@Header(Headers.REQUEST_ID) String id, @Header(Headers.CHUNK_INDEX) int index, @Body String text) {
        out.print(String.format(Locale.ROOT, "%-14s %3d  %s%n", id, index, shown(text)));
    }

    /** Prints a result or an error on one line. */
    public void outcome(@Body String document) {
        JsonNode fields = ProviderJson.json(document).orElseThrow();
        boolean succeeded = "succeeded".equals(fields.path("status").asText());
        String what = !succeeded ? fields.path("error").path("type").asText() + ": " + fields.path("error").path("message").asText()
                : fields.has("images") ? fields.path("images").path(0).path("url").asText()
                : fields.path("text").asText();
        out.print(String.format(Locale.ROOT, "%-14s %s  %s  %d ms  %s%n", fields.path("id").asText(), fields.path("status").asText(),
                shown(fields.path("model").asText()), fields.path("durationMs").asLong(), shown(what)));
        if (!succeeded) {
            failed.incrementAndGet();
        }
        open.countDown();
    }

    /** Returns the text on one line, safe for a terminal. */
    private static String shown(String text) {
        return OneLine.escaped(text.replace("\r\n", "⏎").replace("\n", "⏎"));
    }
}
