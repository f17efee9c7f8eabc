package dev.bactrian.it;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The npm package {@code openai}, OpenAI's own client for JavaScript, under Node. */
class NodeTest extends AnyClientTest {

    NodeTest() {
        super("solar-1-mini-chat");
    }

    @Override
    Client client(String baseUrl) {
        try {
            Node.install();
            Node.copy(Path.of("src/test/node/client.mjs"));
            return new InNode(baseUrl);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static final class InNode implements Client {

        private static final ObjectMapper JSON = new ObjectMapper();

        private final Process process;
        private final Writer calls;
        private final BufferedReader outcomes;

        InNode(String baseUrl) throws IOException {
            ProcessBuilder builder = new ProcessBuilder("node", "client.mjs").directory(Node.FOLDER.toFile())
                    .redirectError(ProcessBuilder.Redirect.INHERIT);
            builder.environment().put("OPENAI_BASE_URL", baseUrl);
            process = builder.start();
            calls = process.outputWriter(StandardCharsets.UTF_8);
            outcomes = process.inputReader(StandardCharsets.UTF_8);
        }

        private static ObjectNode call(String name, Question question) {
            return JSON.valueToTree(question).<ObjectNode>deepCopy().put("call", name);
        }

        private JsonNode outcome(ObjectNode call, Predicate<String> pieces) {
            try {
                send(call.toString());
                for (String line = outcomes.readLine(); line != null; line = outcomes.readLine()) {
                    JsonNode message = JSON.readTree(line);
                    if (message.has("piece")) {
                        send(pieces.test(message.path("piece").asText()) ? "go" : "stop");
                    } else if (message.has("failed")) {
                        JsonNode failed = message.path("failed");
                        throw new Failure(failed.path("status").asInt(), failed.path("code").asText(null), failed.path("message").asText(), null);
                    } else if (message.has("done")) {
                        return message.path("done");
                    } else {
                        throw new AssertionError(message.path("broken").asText());
                    }
                }
                throw new AssertionError("Node has ended");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private void send(String line) throws IOException {
            calls.write(line + "\n");
            calls.flush();
        }

        private static Answer answer(JsonNode done) {
            if (done.isNull()) {
                return null;
            }
            List<ToolCall> tools = new ArrayList<>();
            done.path("tools").forEach(tool -> tools.add(
                    new ToolCall(tool.path("id").asText(), tool.path("name").asText(), tool.path("arguments").asText())));
            return new Answer(done.path("text").asText(), done.path("reasoning").asText(), done.path("reason").asText(),
                    done.path("tokens").isNumber() ? done.path("tokens").asLong() : null, tools);
        }

        @Override
        public Answer chat(Question question) {
            return answer(outcome(call("chat", question), null));
        }

        @Override
        public Answer chat(Question question, ToolCall call, String said) {
            ObjectNode asked = call("tool", question).put("said", said);
            asked.set("called", JSON.valueToTree(call));
            return answer(outcome(asked, null));
        }

        @Override
        public Answer stream(Question question, Predicate<String> pieces) {
            return answer(outcome(call("stream", question), pieces));
        }

        @Override
        public String image(Question question, String format) {
            return outcome(call("image", question).put("format", format), null).asText();
        }

        @Override
        public String edit(Question question, Path png) {
            return outcome(call("edit", question).put("png", png.toString()), null).asText();
        }

        @Override
        public List<String> models() {
            List<String> ids = new ArrayList<>();
            outcome(JSON.createObjectNode().put("call", "models").put("key", Service.KEY), null).forEach(id -> ids.add(id.asText()));
            return ids;
        }

        @Override
        public String model(String id) {
            return outcome(JSON.createObjectNode().put("call", "model").put("key", Service.KEY).put("id", id), null).asText();
        }

        @Override
        public void close() {
            process.destroy();
        }
    }
}
