package dev.bactrian.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;

import org.apache.camel.Exchange;
import org.apache.camel.ExchangePropertyKey;
import org.apache.camel.component.file.GenericFile;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which file is left alone, after one of its name could not be moved. */
class InboxTest {

    private static final FileTime TIME = FileTime.from(Instant.parse("2026-01-01T00:00:00Z"));

    @TempDir
    Path folder;

    private GenericFile<File> written() throws IOException {
        Path path = Files.writeString(folder.resolve("cat.txt"), "a cat");
        Files.setLastModifiedTime(path, TIME);
        GenericFile<File> file = new GenericFile<>();
        file.setFile(path.toFile());
        file.setFileName("cat.txt");
        file.setLastModified(path.toFile().lastModified());
        return file;
    }

    private static void couldNotBeMoved(Inbox inbox, GenericFile<File> file) {
        Exchange exchange = new DefaultExchange(inbox.getCamelContext());
        exchange.setProperty(ExchangePropertyKey.FILE_EXCHANGE_FILE, file);
        inbox.handleException("", exchange, new IOException("can't be moved"));
    }

    @Test
    void aFileThatIsStillThereIsLeftAlone() throws Exception {
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            context.start();
            Inbox inbox = new Inbox();
            inbox.setCamelContext(context);
            GenericFile<File> file = written();

            couldNotBeMoved(inbox, file);

            assertThat(inbox.accept(file)).isFalse();
        }
    }

    @Test
    void aFileOfTheFutureIsTakenOnceItIsSteady() throws Exception {
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            Inbox inbox = new Inbox();
            inbox.setCamelContext(context);
            GenericFile<File> file = written();
            Path path = file.getFile().toPath();
            FileTime ahead = FileTime.from(Instant.now().plusSeconds(86_400));

            for (int part = 0; part < 4; part++) {
                Files.writeString(path, "part", StandardOpenOption.APPEND);
                Files.setLastModifiedTime(path, ahead);
                Instant next = Instant.now().plusMillis(400);
                assertThat(inbox.accept(file)).as("still written").isFalse();
                await().pollInterval(Duration.ofMillis(20)).until(() -> Instant.now().isAfter(next));
            }

            await().atMost(Duration.ofSeconds(5)).until(() -> inbox.accept(file));
        }
    }

    @Test
    void aFileThatWasTakenAwayMayComeAgain() throws Exception {
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            context.start();
            Inbox inbox = new Inbox();
            inbox.setCamelContext(context);
            GenericFile<File> file = written();
            Files.delete(file.getFile().toPath());

            couldNotBeMoved(inbox, file);

            assertThat(inbox.accept(written())).isTrue();
        }
    }
}
