package dev.bactrian.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.ledger.PostgreSql;
import dev.bactrian.packaging.Readme;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The settings of docs/service.md for an external broker and a database, with the test's hosts in place of those named there. */
@ExtendWith(PostgreSql.Installed.class)
class ReadmeQueueIT extends QueueEndToEnd {

    /** The same message as the broker's own command sends. */
    private static Matcher producer() {
        Matcher matcher = Pattern.compile("--destination queue://(\\S+) .*--message '([^']*)'", Pattern.DOTALL).matcher(Readme.PRODUCER.text());
        assertThat(matcher.find()).isTrue();
        return matcher;
    }

    @Test
    void aMessageOfAnyClientIsAnsweredOnTheQueueOfResults(PostgreSql database) throws IOException {
        String settings = Readme.QUEUE_SETTINGS.text();
        assertThat(settings).contains("tcp://broker.example.org:61616", "jdbc:postgresql://db.example.org/bactrian");
        Files.writeString(folder.resolve("bactrian.properties"), settings.replace("tcp://broker.example.org:61616", broker.url())
                .replace("jdbc:postgresql://db.example.org/bactrian", database.database()));
        run(service().set(Property.LEDGER_USER, PostgreSql.USER).set(Property.LEDGER_PASSWORD, PostgreSql.PASSWORD));

        Matcher producer = producer();
        client.send(producer.group(1), producer.group(2));

        JsonNode result = JmsClient.document(client.receive("bactrian.results", SOON));
        assertThat(result.path("id").asText()).isEqualTo("camel");
        assertThat(result.path("status").asText()).isEqualTo("succeeded");
    }
}
