package dev.bactrian.routes.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import dev.bactrian.config.SettingException;
import dev.bactrian.generate.Account;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What surrounds a value, wherever it is set, is no part of it: not in a folder's name, and not in a key. */
class TrimmedSettingsTest extends RouteTestSupport {

    private static final String INBOX = "bactrian.file.inbox";

    @AfterEach
    void forgetSystemProperty() {
        System.clearProperty(INBOX);
        System.clearProperty("bactrian.upstage.api-key");
    }

    private void assertInboxIs(Path inbox) throws Exception {
        simulator.on(Call.CHAT, Reply.stream("a"));
        Files.createDirectories(inbox);
        Files.writeString(folder.resolve("new.txt"), "hi");
        Files.move(folder.resolve("new.txt"), inbox.resolve("new.txt"));

        await().until(() -> !captured.results.isEmpty());
        try (Stream<Path> names = Files.list(folder)) {
            assertThat(names.map(path -> path.getFileName().toString())).isSubsetOf("inbox", "data", "undelivered");
        }
        captured.results.clear();
        captured.chunks.clear();
    }

    @ParameterizedTest
    @ValueSource(strings = {"\r", " \t\u00A0\uFEFF"})
    void aFolderIsTheSameWithABlankBehindIt(String blank) throws Exception {
        start(List.of("bactrian.file.enabled", " true" + blank), INBOX, blank + folder.resolve("inbox") + blank);

        assertInboxIs(folder.resolve("inbox"));
    }

    @Test
    void aSystemPropertyIsTrimmedToo() throws Exception {
        System.setProperty(INBOX, folder.resolve("inbox") + " \r");
        start("bactrian.file.enabled", "true");

        assertInboxIs(folder.resolve("inbox"));
    }

    @ParameterizedTest
    @ValueSource(strings = {" 'up_key-1' ", "Bearer \u201Cup_key-1\u201D"})
    void aKeyIsSentAloneHoweverItWasCopied(String written) throws Exception {
        start("bactrian.upstage.api-key", written);
        simulator.on(Call.CHAT, Reply.stream("a"), Reply.stream("a"));
        Account account = new Account();
        account.setCamelContext(context());
        account.setUpstageApiKey(written.replace("up_key-1", "up_key-2"));
        account.start();

        generate("hi");
        template().requestBody("kamelet:upstage-chat-action?apiKey=RAW(" + written.replace("up_key-1", "up_key-3") + ")", "hi");
        template().send("direct:generate", exchange -> {
            exchange.setVariable(Account.VARIABLE, account);
            exchange.getMessage().setBody("hi");
        });

        assertThat(simulator.requests()).extracting(request -> request.header("Authorization"))
                .containsExactly("Bearer up_key-1", "Bearer up_key-3", "Bearer up_key-2");
        captured.chunks.clear();
    }

    @Test
    void aKeyThatIsNoneIsRefusedByNameAndNotShown() {
        assertThatThrownBy(() -> start("bactrian.upstage.api-key", "up_\uD0A4")).rootCause().isInstanceOf(SettingException.class)
                .hasMessageStartingWith("bactrian.upstage.api-key: ").message().hasLineCount(1).doesNotContain("up_");
        Account account = new Account();
        assertThatThrownBy(() -> account.setReplicateApiToken("r8_\ntoken")).isInstanceOf(SettingException.class)
                .hasMessageStartingWith("bactrian.replicate.api-token: ").message().hasLineCount(1).doesNotContain("r8_");
    }

    @Test
    void aNameBehindAByteOrderMarkIsNotOverlooked() {
        assertThatThrownBy(() -> start("\uFEFFbactrian.upstage.api-key", "up_key")).rootCause()
                .hasMessageStartingWith("bactrian.upstage.api-key: ").hasMessageContaining("byte order mark");
    }
}
