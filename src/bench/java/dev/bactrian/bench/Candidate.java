package dev.bactrian.bench;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The measured clients. Each peer is built into a folder of {@code target/bench} and runs with its own libraries only. */
enum Candidate {
    BASELINE("JDK HttpClient + Jackson", null, "dev.bactrian.bench.Baseline", null),
    BACTRIAN("Bactrian", null, "dev.bactrian.bench.Embedded", null),
    LANGCHAIN4J("LangChain4j", "langchain4j", "dev.bactrian.bench.peer.LangChain4j", "langchain4j-open-ai"),
    OPENAI_JAVA("openai-java", "openai-java", "dev.bactrian.bench.peer.OpenAiJava", "openai-java"),
    SPRING_AI("Spring AI", "spring-ai", "dev.bactrian.bench.peer.SpringAi", "spring-ai-openai");

    private static final Path TARGET = Path.of("target");

    private final String title;
    private final String folder;
    private final String type;
    private final String artifact;

    Candidate(String title, String folder, String type, String artifact) {
        this.title = title;
        this.folder = folder;
        this.type = type;
        this.artifact = artifact;
    }

    /** Returns the name, with the version of a peer. */
    String title() {
        if (folder == null) {
            return title;
        }
        try (DirectoryStream<Path> jars = Files.newDirectoryStream(home().resolve("lib"), artifact + "-[0-9]*.jar")) {
            for (Path jar : jars) {
                return title + " " + jar.getFileName().toString().replaceFirst(".*?-(\\d[^-]*)\\.jar", "$1");
            }
        } catch (IOException e) {
            // without a version
        }
        return title;
    }

    static List<Candidate> peers() {
        return Stream.of(values()).filter(candidate -> candidate.folder != null).toList();
    }

    private Path home() {
        return TARGET.resolve("bench").resolve(folder);
    }

    String classPath() {
        return folder == null ? TARGET.resolve("bench/harness/classes") + ":" + bactrian()
                : home().resolve("classes") + ":" + home().resolve("lib/*");
    }

    /** Returns the class path of the packaged Bactrian. */
    static String bactrian() {
        return TARGET.resolve("bactrian.jar") + ":" + TARGET.resolve("lib/*");
    }

    /** Creates the client, in the process that measures it. */
    ChatClient client(String url) throws ReflectiveOperationException {
        return (ChatClient) Class.forName(type).getConstructor(String.class).newInstance(url);
    }
}
