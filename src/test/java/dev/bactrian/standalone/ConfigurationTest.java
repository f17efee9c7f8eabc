package dev.bactrian.standalone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;

import dev.bactrian.config.SettingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The service's properties, however their file was saved and whoever wrote them into the environment. */
class ConfigurationTest {

    private static final String TEXT = "bactrian.upstage.api-key=up_key\nbactrian.file.inbox=in \nbactrian.default-model = solar-pro\u00A0\r\n";

    @TempDir
    Path folder;

    private Map<String, String> load(byte[] file, Map<String, String> environment) throws IOException {
        Path path = Files.write(folder.resolve("b.properties"), file);
        Properties system = new Properties();
        system.setProperty("bactrian.config", path + " ");
        return Configuration.load(environment, system);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "\uFEFF"})
    void aByteOrderMarkHidesNoLine(String mark) throws IOException {
        assertThat(load((mark + TEXT).getBytes(StandardCharsets.UTF_8), Map.of()))
                .containsEntry("bactrian.upstage.api-key", "up_key").containsEntry("bactrian.file.inbox", "in")
                .containsEntry("bactrian.default-model", "solar-pro");
    }

    @ParameterizedTest
    @CsvSource({"UTF-16LE, \uFEFF", "UTF-16BE, \uFEFF", "UTF-16LE, ''", "UTF-16BE, ''"})
    void aFileInUtf16IsRefusedByName(String charset, String mark) {
        assertThatThrownBy(() -> load((mark + TEXT).getBytes(Charset.forName(charset)), Map.of())).isInstanceOf(SettingException.class)
                .hasMessageStartingWith("bactrian.config: ").hasMessageContaining("UTF-16").hasMessageContaining("b.properties").message().hasLineCount(1);
    }

    @Test
    void aFileThatIsNoTextIsRefusedByName() {
        assertThatThrownBy(() -> load("bactrian.undelivered=caf\u00E9".getBytes(StandardCharsets.ISO_8859_1), Map.of()))
                .isInstanceOf(SettingException.class).hasMessageStartingWith("bactrian.config: ").hasMessageContaining("UTF-8");
    }

    @Test
    void whatTheEnvironmentHoldsIsTrimmed() throws IOException {
        assertThat(load(new byte[0], Map.of("BACTRIAN_FILE_INBOX", "in\r", "BACTRIAN_MAX_IN_FLIGHT", " 7 ", "UPSTAGE_API_KEY", "up_key\r\n")))
                .containsEntry("bactrian.file.inbox", "in").containsEntry("bactrian.max-in-flight", "7").containsEntry("bactrian.upstage.api-key", "up_key");
    }

    @Test
    void theEnvironmentMayHoldThePropertiesOfAProviderOfTheCatalogue() throws IOException {
        assertThat(load("bactrian.groq.api-key={{env:PATH}}".getBytes(StandardCharsets.US_ASCII), Map.of("BACTRIAN_OLLAMA_API_ENDPOINT", "http://a ",
                "BACTRIAN_JMS_PROXY", "none of ours"))).containsEntry("bactrian.ollama.api-endpoint", "http://a")
                .containsEntry("bactrian.groq.api-key", System.getenv("PATH")).doesNotContainKey("bactrian.jms.proxy");
    }

    @Test
    void aConfigurationFileOfNothingIsNone() {
        Properties system = new Properties();
        system.setProperty("bactrian.config", " ");

        assertThat(Configuration.load(Map.of("BACTRIAN_CONFIG", ""), system)).isNotEmpty();
        assertThat(Configuration.load(Map.of("BACTRIAN_CONFIG", ""), new Properties())).isNotEmpty();
    }
}
