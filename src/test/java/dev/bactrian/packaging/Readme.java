package dev.bactrian.packaging;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** The blocks of README.md that a reader types or copies, each run by a test as it stands there. */
public enum Readme {

    DEMO("sh", "make demo"),
    RUN("sh", "\nmake run\n"),
    TRY("sh", "> inbox/"),
    WITH_TOKENS("sh", "UPSTAGE_API_KEY="),
    DEPENDENCY("xml", "<dependency>"),
    KAMELET("yaml", "kamelet:"),
    ENDPOINT_SETTINGS("properties", "routes-include-pattern"),
    ENDPOINT("yaml", "direct:generate\n"),
    STREAM("yaml", "direct:generate-stream\n"),
    SERVICE_SETTINGS("properties", "bactrian.max-in-flight"),
    RUN_WITH_QUEUE("sh", "make run JMS=1"),
    ASK("sh", "Ask.java"),
    QUEUE_SETTINGS("properties", "bactrian.jms.url"),
    PRODUCER("sh", "artemis producer");

    /** The file. */
    public static final Path FILE = Path.of("README.md");

    private static final Pattern BLOCK = Pattern.compile("(?m)^```(\\w+)\n(.*?)^```$", Pattern.DOTALL);
    /** What is shown, and typed by nobody. */
    private static final Set<String> SHOWN = Set.of("text", "json");

    private final String language;
    private final String part;

    Readme(String language, String part) {
        this.language = language;
        this.part = part;
    }

    private record Block(String language, String text) {
    }

    private static List<Block> blocks(boolean shown) {
        try {
            return BLOCK.matcher(Files.readString(FILE)).results().map(block -> new Block(block.group(1), block.group(2)))
                    .filter(block -> SHOWN.contains(block.language) == shown).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The blocks to be typed, as they stand there. */
    static List<String> typed() {
        return blocks(false).stream().map(Block::text).toList();
    }

    /** The blocks that show what comes of it. */
    public static List<String> shown() {
        return blocks(true).stream().map(Block::text).toList();
    }

    /** This block, as it stands there. */
    public String text() {
        List<String> texts = blocks(false).stream().filter(block -> block.language.equals(language) && ("\n" + block.text).contains(part))
                .map(Block::text).toList();
        if (texts.size() != 1) {
            throw new AssertionError(texts.size() + " blocks of README.md are " + this);
        }
        return texts.get(0);
    }
}
