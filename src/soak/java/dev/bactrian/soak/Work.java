package dev.bactrian.soak;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

import dev.bactrian.simulator.Call;
import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.Session;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;

/** Requests of all kinds, by file and by queue; some of them are cancelled. */
final class Work implements AutoCloseable {

    private final Path folder;
    private final Random random;
    private final Faults faults;
    private final ActiveMQConnectionFactory factory;
    private final Connection connection;
    private final Session session;
    private final List<String> ids = new ArrayList<>();
    private int predictions;
    private int cancels;

    Work(Path folder, String broker, Random random, Faults faults) throws JMSException {
        this.folder = folder;
        this.random = random;
        this.faults = faults;
        factory = new ActiveMQConnectionFactory(broker);
        connection = factory.createConnection();
        session = connection.createSession(Session.AUTO_ACKNOWLEDGE);
    }

    /** One more request, perhaps with a fault of the calls that it makes. */
    void request() throws IOException, JMSException {
        String id = "r" + ids.size();
        ids.add(id);
        boolean fault = random.nextInt(3) == 0;
        String fields;
        switch (random.nextInt(12)) {
            case 0 -> fields = "\"model\":\"no such model\",\"prompt\":\"a camel\"";
            case 1 -> fields = "\"messages\":7";
            case 2, 3 -> fields = prediction("sd-3", fault, Call.CREATE, Call.POLL);
            case 4, 5 -> fields = prediction("gemma-2b", fault, Call.CREATE, Call.POLL, Call.STREAM);
            default -> {
                fields = "\"messages\":[{\"role\":\"user\",\"content\":\"Why does a camel have humps? 🐪 " + "words ".repeat(random.nextInt(200)) + "\"}]";
                if (fault) {
                    faults.one(Call.CHAT);
                }
            }
        }
        String body = "{\"id\":\"" + id + "\"," + fields + "}";
        if (random.nextBoolean()) {
            drop(folder.resolve("inbox"), id + ".json", body);
        } else {
            session.createProducer(session.createQueue("bactrian.requests")).send(session.createTextMessage(body));
        }
        if (random.nextInt(12) == 0) {
            cancels++;
            drop(folder.resolve("cancel"), String.valueOf(cancels), "r" + (ids.size() - 1 - random.nextInt(Math.min(10, ids.size()))));
        }
    }

    private String prediction(String model, boolean fault, Call... calls) {
        predictions++;
        if (fault) {
            faults.one(calls[random.nextInt(calls.length)]);
        }
        return "\"model\":\"" + model + "\",\"prompt\":\"a camel " + predictions + "\"";
    }

    /** Puts a whole file there. */
    private static void drop(Path folder, String name, String content) throws IOException {
        Path part = folder.resolve("." + name + ".part");
        Files.writeString(part, content);
        Files.setLastModifiedTime(part, FileTime.from(Instant.now().minusSeconds(60)));
        Files.move(part, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    }

    /** The ids of all requests so far. */
    List<String> ids() {
        return ids;
    }

    /** How many of them name a model of Replicate. */
    int predictions() {
        return predictions;
    }

    int cancels() {
        return cancels;
    }

    @Override
    public void close() throws JMSException {
        connection.close();
        factory.close();
    }
}
