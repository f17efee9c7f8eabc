package dev.bactrian.batch;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Settings;
import dev.bactrian.flow.Trigger;
import dev.bactrian.generate.Account;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Headers;
import dev.bactrian.request.RequestId;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;

/**
 * Stores the lines of a batch whose caller does not wait for it, before the caller continues. After a crash the batch is continued at the
 * next start, unless its account is an object that has no name.
 */
public final class Spool implements Processor, CamelContextAware {

    private static final String REQUESTS = "requests.jsonl";
    private static final String MESSAGE = "message.json";
    /** The headers that apply to all lines, by their names in the file. */
    private static final Map<String, String> KEPT = Map.of("model", Headers.MODEL, "provider", Headers.PROVIDER, "fallback", Headers.FALLBACK,
            "fallbackAfterPaid", Headers.FALLBACK_AFTER_PAID);

    private CamelContext camelContext;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext camelContext) {
        this.camelContext = camelContext;
    }

    /**
     * Replaces the body by its copy on the disk.
     *
     * @throws IOException if the body cannot be read or the copy cannot be written
     */
    @Override
    public void process(Exchange exchange) throws IOException {
        Message message = exchange.getMessage();
        message.removeHeaders("CamelRedeliver*");
        String id = message.getHeader(Headers.STATUS) == null ? message.getHeader(Headers.REQUEST_ID, String.class) : null;
        if (id != null && !id.isBlank() && !RequestId.isValid(id)) {
            // The route says so in an error document.
            return;
        }
        String delivery = UUID.randomUUID().toString();
        id = id == null || id.isBlank() ? delivery : id;
        Path folder = Batches.folder(Settings.of(camelContext), id, delivery);
        Path requests = folder.resolve(REQUESTS);
        Files.createDirectories(folder);
        try (InputStream in = Batches.stream(exchange); RandomAccessFile out = new RandomAccessFile(requests.toFile(), "rw")) {
            byte[] buffer = new byte[64 * 1024];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                out.write(buffer, 0, n);
            }
            out.getFD().sync();
        } catch (IOException | RuntimeException e) {
            Batches.deleteFolder(folder);
            throw e;
        }
        Object account = exchange.getVariable(Account.VARIABLE);
        if (account == null || account instanceof String) {
            ObjectNode known = JsonNodeFactory.instance.objectNode().put("id", id).put("delivery", delivery).put("account", (String) account);
            KEPT.forEach((name, header) -> known.put(name, message.getHeader(header, String.class)));
            Path written = Files.writeString(folder.resolve(MESSAGE + ".tmp"), Documents.text(known));
            Files.move(written, folder.resolve(MESSAGE), StandardCopyOption.ATOMIC_MOVE);
        }
        prepare(exchange, id, delivery, requests, null);
    }

    /** Whether the batch of that folder is stored there. */
    static boolean isThere(Path folder) {
        return Files.exists(folder.resolve(MESSAGE));
    }

    /** Forgets a batch that was refused before it began. */
    static void forget(Path folder) throws IOException {
        if (isThere(folder)) {
            Batches.deleteFolder(folder);
        }
    }

    private static void prepare(Exchange exchange, String id, String delivery, Path requests, Integer attempt) throws IOException {
        exchange.getMessage().removeHeader(Headers.REQUEST_ID);
        exchange.getMessage().setBody(new FileInputStream(requests.toFile()));
        new Trigger(id, delivery, attempt, null).set(exchange);
    }

    /** Returns the folders of the batches that an earlier run has not completed. */
    static List<Path> left(Path batches) throws IOException {
        List<Path> left = new ArrayList<>();
        if (Files.isDirectory(batches)) {
            try (DirectoryStream<Path> folders = Files.newDirectoryStream(batches, folder -> Files.exists(folder.resolve(MESSAGE)))) {
                folders.forEach(left::add);
            }
        }
        return left;
    }

    /** Makes an exchange that continues the batch of that folder. */
    static void restore(Exchange exchange, Path folder) throws IOException {
        JsonNode known = ProviderJson.json(Files.readString(folder.resolve(MESSAGE))).orElseThrow(() -> new IOException(MESSAGE + " is not JSON"));
        KEPT.forEach((name, header) -> {
            if (known.path(name).isTextual()) {
                exchange.getMessage().setHeader(header, known.get(name).textValue());
            }
        });
        if (known.path("account").isTextual()) {
            exchange.setVariable(Account.VARIABLE, known.path("account").textValue());
        }
        prepare(exchange, known.path("id").asText(), known.path("delivery").asText(), folder.resolve(REQUESTS), 2);
    }
}
