package dev.bactrian.packaging;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The blocks of README.md and of the two guides that a reader types or copies. A test runs each of them unchanged. */
public enum Readme {

    DEMO("sh", "make demo"),
    RUN("sh", "\nmake run\n"),
    TRY("sh", "> inbox/"),
    WITH_TOKENS("sh", "UPSTAGE_API_KEY="),
    DEPENDENCY("xml", "<dependency>"),
    KAMELET("yaml", "kamelet:"),
    ENDPOINT_SETTINGS("properties", "routes-include-pattern"),
    ENDPOINT("yaml", "direct:generate\n"),
    RUN_WITH_QUEUE("sh", "make run JMS=1"),
    STREAM("docs/use.md", "yaml", "direct:generate-stream\n"),
    SERVICE_SETTINGS("docs/service.md", "properties", "bactrian.max-in-flight"),
    ASK("docs/service.md", "sh", "Ask.java"),
    QUEUE_SETTINGS("docs/service.md", "properties", "bactrian.jms.url"),
    PRODUCER("docs/service.md", "sh", "artemis producer");

    /** The README. */
    public static final Path FILE = Path.of("README.md");
    private static final Path SERVICE = Path.of("docs/service.md");

    private static final Pattern BLOCK = Pattern.compile("(?m)^```(\\w+)\n(.*?)^```$", Pattern.DOTALL);
    /** Languages of blocks that show output. */
    private static final Set<String> SHOWN = Set.of("text", "json");

    private final Path file;
    private final String language;
    private final String part;

    Readme(String language, String part) {
        this("README.md", language, part);
    }

    Readme(String file, String language, String part) {
        this.file = Path.of(file);
        this.language = language;
        this.part = part;
    }

    private record Block(String language, String text) {
    }

    private static List<Block> blocks(Path file, boolean shown) {
        try {
            return BLOCK.matcher(Files.readString(file)).results().map(block -> new Block(block.group(1), block.group(2)))
                    .filter(block -> SHOWN.contains(block.language) == shown).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The blocks of the README and of the page on the service that a reader types, unchanged. */
    static List<String> typed() {
        return Stream.of(FILE, SERVICE).flatMap(file -> blocks(file, false).stream()).map(Block::text).toList();
    }

    /** Whether the block is on a page of which every typed block is known here. */
    boolean isListed() {
        return file.equals(FILE) || file.equals(SERVICE);
    }

    /** The blocks of the README that show output. */
    public static List<String> shown() {
        return blocks(FILE, true).stream().map(Block::text).toList();
    }

    /** This block, unchanged. */
    public String text() {
        List<String> texts = blocks(file, false).stream().filter(block -> block.language.equals(language) && ("\n" + block.text).contains(part))
                .map(Block::text).toList();
        if (texts.size() != 1) {
            throw new AssertionError(texts.size() + " blocks of " + file + " are " + this);
        }
        return texts.get(0);
    }
}
