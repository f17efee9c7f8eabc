package dev.bactrian.soak;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/** What has come of the requests: the files of the service's folder, held against each other and against the hook. */
final class Outcomes {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private final Map<String, Integer> kinds = new TreeMap<>();
    private final List<String> wrong = new ArrayList<>();
    private int undelivered;

    private Outcomes(Path folder) {
        this.folder = folder;
    }

    /** How many requests have an outcome in the outbox. */
    static int count(Path folder) throws IOException {
        return (int) names(folder.resolve("outbox")).stream().filter(name -> !name.startsWith(".")).count();
    }

    /** Whether each request has one outcome at each destination, and its chunks make up its text. */
    static Outcomes of(Path folder, List<String> ids, HttpSink hook) throws IOException {
        Outcomes outcomes = new Outcomes(folder);
        Set<String> outbox = names(folder.resolve("outbox"));
        Set<String> kept = names(folder.resolve("undelivered"));
        for (String id : ids) {
            outcomes.check(id, outbox, hook.accepted(id), kept.stream().anyMatch(name -> name.startsWith(id + ".")));
        }
        return outcomes;
    }

    private void check(String id, Set<String> outbox, int accepted, boolean kept) throws IOException {
        boolean result = outbox.contains(id + ".json");
        boolean error = outbox.contains(id + ".error.json");
        if (!result && !error) {
            wrong.add(id + ": no outcome");
            return;
        } else if (result && error) {
            wrong.add(id + ": a result and an error");
            return;
        }
        undelivered += kept ? 1 : 0;
        if (accepted > 1) {
            wrong.add(id + ": accepted " + accepted + " times by the hook");
        } else if (accepted == 0 && !kept) {
            wrong.add(id + ": neither at the hook nor among the undelivered");
        }
        JsonNode document = JSON.readTree(folder.resolve("outbox").resolve(id + (result ? ".json" : ".error.json")).toFile());
        kinds.merge(result ? "succeeded, " + document.path("kind").asText() : document.at("/error/type").asText(), 1, Integer::sum);
        if (!document.path("id").asText().equals(id)) {
            wrong.add(id + ": its document is of " + document.path("id").asText());
        }
        Path chunks = folder.resolve("chunks").resolve(id + ".txt");
        String streamed = Files.exists(chunks) ? Files.readString(chunks) : "";
        String text = document.path(result ? "text" : "partialText").asText("");
        if (result ? !streamed.equals(text) : !text.startsWith(streamed) && !streamed.startsWith(text)) {
            wrong.add(id + ": its chunks are not its text");
        }
    }

    /** How many requests ended how. */
    Map<String, Integer> kinds() {
        return kinds;
    }

    /** What must not be, a line each. */
    List<String> wrong() {
        return wrong;
    }

    /** How many outcomes the hook never accepted, so that they were put aside. */
    int undelivered() {
        return undelivered;
    }

    /** How many files whose name begins so lie anywhere in the folder. */
    static long filesNamed(Path folder, String prefix) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(file -> file.getFileName().toString().startsWith(prefix)).count();
        }
    }

    /** How many plain files lie in a folder. */
    static long files(Path folder) throws IOException {
        return names(folder).size();
    }

    private static Set<String> names(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return new HashSet<>();
        }
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(Files::isRegularFile).map(file -> file.getFileName().toString()).collect(Collectors.toSet());
        }
    }
}
