package dev.bactrian.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/** The folder of the example for Node, copied for each JVM of Surefire, with what it depends on installed by npm. */
final class Node {

    static final Path EXAMPLE = Path.of("../../../examples/openai-clients/node");
    static final Path FOLDER = Path.of(System.getProperty("test.node", "target/node"));

    private static boolean installed;

    private Node() {
    }

    /** Copies a file into the folder. */
    static Path copy(Path file) throws IOException {
        return Files.copy(file, Files.createDirectories(FOLDER).resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
    }

    /** Installs the packages, the first time. */
    static synchronized void install() throws IOException, InterruptedException {
        Command.require("node");
        Command.require("npm");
        if (!installed) {
            for (String file : List.of(".npmrc", "package.json", "package-lock.json", "chat.mjs")) {
                copy(EXAMPLE.resolve(file));
            }
            Command npm = Command.of(FOLDER, "npm", "ci", "--no-audit", "--no-fund", "--no-update-notifier").run();
            assertThat(npm.status()).as("%s", npm.output()).isZero();
            installed = true;
        }
    }
}
