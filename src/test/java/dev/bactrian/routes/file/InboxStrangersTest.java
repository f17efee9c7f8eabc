package dev.bactrian.routes.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

import dev.bactrian.config.SettingException;
import dev.bactrian.routes.support.InboxTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.RecordedRequest;
import dev.bactrian.support.CapturedLog;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The inbox as a place that strangers can write to: they get answers, and nothing else. */
class InboxStrangersTest extends InboxTestSupport {

    private static final String SECRET = "bactrian.replicate.api-token = r8_secret";
    /** 250 bytes. */
    private static final String HANGUL = "낙".repeat(82) + ".txt";

    private CapturedLog log;
    private Path secret;

    @BeforeEach
    void readTheLog() throws IOException {
        log = new CapturedLog();
        secret = Files.writeString(folder.resolve("secret.properties"), SECRET);
    }

    @AfterEach
    void readTheLogNoMore() {
        log.close();
        captured.results.clear();
    }

    private List<String> warnings() {
        return log.toString().lines().filter(line -> line.contains("WARN") || line.contains("ERROR") || line.startsWith("\tat ")).toList();
    }

    private static void fifo(Path path) throws Exception {
        assumeTrue(new ProcessBuilder("mkfifo", path.toString()).start().waitFor() == 0, "needs mkfifo");
    }

    /** Drops one more file and waits until it is done: the folder was polled in between. */
    private void another(String name) throws Exception {
        Path file = Files.writeString(folder.resolve(name), "hello");
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minusSeconds(60)));
        Files.move(file, inbox.resolve(name));
        await().until(() -> names(".done").contains(name));
    }

    @Test
    void regularFilesAloneAreReadAndWhatElseIsThereIsSaidOnce() throws Exception {
        fifo(inbox.resolve("pipe.txt"));
        Files.createSymbolicLink(inbox.resolve("conf"), Path.of("..", "secret.properties"));
        Files.createSymbolicLink(inbox.resolve("absolute.json"), secret);
        Files.createSymbolicLink(inbox.resolve("nowhere.txt"), Path.of("nothing"));
        Files.createSymbolicLink(inbox.resolve("up"), Path.of(".."));
        Files.createLink(inbox.resolve("second-name.txt"), secret);
        Files.writeString(Files.createDirectories(inbox.resolve("sub")).resolve("below.txt"), "below");
        List<String> strange = List.of("pipe.txt", "conf", "absolute.json", "nowhere.txt", "up", "second-name.txt");
        try (ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            socket.bind(UnixDomainSocketAddress.of(inbox.resolve("socket.txt")));
            startWatching("bactrian.max-in-flight", "1");
            for (int i = 0; i < 4; i++) {
                another("good-" + i + ".txt");
            }
            await().until(() -> warnings().size() >= 7);

            assertThat(simulator.requests(Call.CHAT)).extracting(RecordedRequest::bodyText).allMatch(text -> text.contains("hello")).hasSize(4);
            assertThat(warnings()).as("each once").hasSize(7).allMatch(line -> line.contains("is left in the inbox"));
            strange.forEach(name -> assertThat(warnings()).as(name).filteredOn(line -> line.contains(name + ": ")).hasSize(1));
            strange.forEach(name -> assertThat(Files.exists(inbox.resolve(name), LinkOption.NOFOLLOW_LINKS)).isTrue());
            assertThat(secret).hasContent(SECRET);
            assertThat(inbox.resolve("sub/below.txt")).exists();
            assertThat(captured.errors).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {".done", ".failed"})
    void whereFilesEndMustBeAFolderOfOurs(String name) throws Exception {
        Files.writeString(inbox.resolve("bactrian.properties"), "planted");
        Files.createSymbolicLink(inbox.resolve(name), Path.of(".."));
        stopsTheStart(name + ": is a link");
        Files.delete(inbox.resolve(name));

        Files.createFile(inbox.resolve(name));
        stopsTheStart(name + ": is no folder");
        Files.delete(inbox.resolve(name));

        Files.createDirectory(inbox.resolve(name));
        if ("root".equals(System.getProperty("user.name"))) {
            Files.setOwner(inbox.resolve(name), inbox.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody"));
            stopsTheStart(name + ": belongs to another user (nobody)");
        }
        assertThat(folder.resolve("bactrian.properties")).doesNotExist();
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void theInboxItselfMayBeALinkAndMustBeAFolder() throws Exception {
        Files.move(inbox, folder.resolve("elsewhere"));
        Files.createFile(inbox);
        stopsTheStart("is no folder");
        Files.delete(inbox);

        Files.createSymbolicLink(inbox, Path.of("elsewhere"));
        startWatching();
        another("hello.txt");
        assertThat(folder.resolve("elsewhere/.done/hello.txt")).exists();
    }

    private void stopsTheStart(String why) {
        assertThatThrownBy(this::startWatching).isInstanceOf(SettingException.class)
                .hasMessageStartingWith("bactrian.file.inbox: '" + inbox + "'").hasMessageContaining(why).message().hasLineCount(1);
        stop();
    }

    @Test
    void nothingIsMovedThroughALinkThatComesLater() throws Exception {
        Path precious = Files.writeString(folder.resolve("precious.txt"), "precious");
        startWatching();
        await().until(() -> Files.isDirectory(inbox.resolve(".done")));
        Files.createSymbolicLink(inbox.resolve(".done/taken.txt"), precious);
        Files.writeString(inbox.resolve("taken.txt"), "hello");
        await().until(() -> names(".done").stream().anyMatch(name -> name.matches("\\d{17}-taken\\.txt")));
        assertThat(precious).hasContent("precious");

        Files.move(inbox.resolve(".done"), folder.resolve("away"));
        Files.createSymbolicLink(inbox.resolve(".done"), Path.of(".."));
        Files.writeString(inbox.resolve("bactrian.properties"), "planted");
        await().until(() -> captured.results.size() == 2);
        await().until(() -> warnings().size() == 1);

        assertThat(warnings().get(0)).contains("bactrian.properties: could not be moved out of the inbox", ".done: is a link");
        assertThat(folder.resolve("bactrian.properties")).doesNotExist();
        Files.delete(inbox.resolve(".done"));
        another("next.txt");
        assertThat(names("")).containsExactly("bactrian.properties");
    }

    @Test
    void aNameIsANameWhateverItHolds() throws Exception {
        assumeTrue("UTF-8".equals(System.getProperty("sun.jnu.encoding")), "Java can't write such names in this locale");
        List<String> odd = List.of(HANGUL, "낙".repeat(84) + "abc", "a\\b\\..\\..\\up.txt", "\\\\server\\share.txt", "line\nend.txt");
        List<String> plain = List.of("${file:absolute.path}.txt", "{{bactrian.replicate.api-token}}.txt", "${bean:bactrianInbox}", "낙타.txt");
        for (String name : odd) {
            Files.writeString(inbox.resolve(name), "hello");
        }
        for (String name : plain) {
            Files.writeString(inbox.resolve(name), "hello");
        }
        startWatching();
        await().until(() -> names(".done").size() == 9);

        assertThat(names(".done")).containsAll(odd).containsAll(plain);
        assertThat(captured.results).extracting(result -> result.json().path("id").asText()).doesNotHaveDuplicates()
                .allMatch(id -> id.matches("[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}"));
        assertThat(warnings()).as("one for each odd name").hasSize(odd.size());

        Files.writeString(inbox.resolve(HANGUL), "hello again");
        await().until(() -> names(".done").size() == 10);
        assertThat(names(".done")).anyMatch(name -> name.matches("\\d{17}-낙+\\.txt"));
    }

    @Test
    void aTimeThatLiesAheadKeepsNoFile() throws Exception {
        Path ahead = Files.writeString(inbox.resolve("ahead.txt"), "hello");
        Files.setLastModifiedTime(ahead, FileTime.from(Instant.now().plus(Duration.ofHours(9))));
        startWatching();

        await().until(() -> names(".done").contains("ahead.txt"));
    }

    @Test
    void whatProgramsLeaveBehindIsLeftAlone() throws Exception {
        List<String> leftovers = List.of("note.txt~", "#note.txt#", "note.swp", "NOTE.SWO", "~$letter.docx", "video.txt.part", "x.CRDOWNLOAD", "x.download",
                "x.opdownload", "x.filepart", "x.partial", "x.tmp", "x.temp", "x.bak", "Desktop.ini", "THUMBS.DB", ".hidden", ".DS_Store", "x.txt.camelLock.tmp");
        for (String name : leftovers) {
            Files.writeString(inbox.resolve(name), "not a request");
        }
        startWatching();
        another("note.txt");
        another("tmp.txt");

        assertThat(simulator.requests(Call.CHAT)).hasSize(2);
        assertThat(names("")).containsExactlyInAnyOrderElementsOf(leftovers);
        assertThat(warnings()).isEmpty();
    }

    @Test
    void linesOfJsonAreTextIfTheInputIsText() throws Exception {
        Files.writeString(inbox.resolve("batch.jsonl"), "{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}\n");
        startWatching("bactrian.file.input", "text");
        await().until(() -> names(".done").size() == 1);

        assertThat(simulator.requests(Call.CHAT)).extracting(request -> request.json().at("/messages/0/content").asText())
                .containsExactly("{\"prompt\": \"a\"}\n{\"prompt\": \"b\"}\n");
    }

    @Test
    void anInboxThatIsGoneForAWhileIsSaidOnce() throws Exception {
        startWatching();
        another("first.txt");
        Files.move(inbox, folder.resolve("away"));
        await().until(() -> warnings().size() == 1);
        await().during(Duration.ofSeconds(1)).until(() -> warnings().size() == 1);
        assertThat(warnings().get(0)).contains("The inbox " + inbox + " is not there");

        Files.createDirectory(inbox);
        another("second.txt");
        assertThat(warnings()).hasSize(1);
    }
}
