package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.error.GenerateException;
import dev.bactrian.request.ChatMessage;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import org.apache.camel.CamelExecutionException;
import org.junit.jupiter.api.Test;

/** Bodies that hurt whoever reads them: each is an {@code invalid-request} of one line, by every way in, and hurts no other request. */
class HostileInputTest extends RouteTestSupport {

    /** The ways in that answer with an exception. */
    private static final List<String> WAYS_IN = List.of("direct:generate", "direct:generate-stream", "kamelet:generate-action");

    /** Something that a host puts into a map, and whose own code fails. */
    public static final class Broken {
        public String getName() {
            throw new IllegalStateException("no\nname");
        }
    }

    private static String nested(int levels, boolean objects) {
        return (objects ? "{\"a\":" : "[").repeat(levels) + "1" + (objects ? "}" : "]").repeat(levels);
    }

    private static Object nestedMap(int levels) {
        Object value = 1;
        for (int i = 0; i < levels; i++) {
            value = i % 2 == 0 ? new HashMap<>(Map.of("a", value)) : new ArrayList<>(List.of(value));
        }
        return value;
    }

    private static JsonNode nestedNode(int levels) {
        JsonNode value = JsonNodeFactory.instance.numberNode(1);
        for (int i = 0; i < levels; i++) {
            value = i % 2 == 0 ? JsonNodeFactory.instance.objectNode().set("a", value) : JsonNodeFactory.instance.arrayNode().add(value);
        }
        return value;
    }

    private static InputStream failing(Exception atRead, Exception atClose) {
        return new FilterInputStream(new ByteArrayInputStream("{\"prompt\": \"hi\"}".getBytes(StandardCharsets.UTF_8))) {
            @Override
            public int read(byte[] buffer, int offset, int length) throws IOException {
                fail(atRead);
                return super.read(buffer, offset, length);
            }

            @Override
            public void close() throws IOException {
                fail(atClose);
            }

            private void fail(Exception reason) throws IOException {
                if (reason instanceof IOException io) {
                    throw io;
                } else if (reason != null) {
                    throw (RuntimeException) reason;
                }
            }
        };
    }

    private static Reader failingReader() {
        return new StringReader("{\"prompt\": \"hi\"}") {
            @Override
            public int read(char[] buffer, int offset, int length) throws IOException {
                throw new IOException("the other end\nis gone");
            }
        };
    }

    private static Map<String, Object> with(Object x) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("prompt", "hi");
        map.put("x", x);
        return map;
    }

    /** The bodies, made anew for each way in, by what each is. */
    private static Map<String, Object> bodies() {
        Map<String, Object> bodies = new LinkedHashMap<>();
        for (int levels : new int[] {992, 997, 998, 999, 1000, 1001, 5000, 100_000}) {
            for (boolean objects : new boolean[] {true, false}) {
                bodies.put("x nested " + levels + (objects ? " objects" : " lists"), "{\"prompt\":\"hi\",\"x\":" + nested(levels, objects) + "}");
            }
            bodies.put("map nested " + levels, with(nestedMap(levels)));
            bodies.put("node nested " + levels, JsonNodeFactory.instance.objectNode().put("prompt", "hi").set("x", nestedNode(levels)));
            bodies.put("request nested " + levels, new GenerateRequest(null, null, null, null, List.of(), "hi",
                    JsonNodeFactory.instance.objectNode().set("x", nestedNode(levels))));
        }
        bodies.put("message nested", "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\",\"x\":" + nested(998, true) + "}]}");
        bodies.put("id nested", "{\"prompt\":\"hi\",\"id\":" + nested(999, false) + "}");
        bodies.put("only nested", nested(100_000, true));
        bodies.put("bytes nested", ("{\"prompt\":\"hi\",\"x\":" + nested(999, true) + "}").getBytes(StandardCharsets.UTF_8));
        bodies.put("stream nested", new ByteArrayInputStream(("{\"prompt\":\"hi\",\"x\":" + nested(999, false) + "}").getBytes(StandardCharsets.UTF_8)));

        bodies.put("stream that fails", failing(new IOException("the other end\nis gone"), null));
        bodies.put("stream that throws", failing(new IllegalStateException("not open"), null));
        bodies.put("stream that fails without a word", failing(new NullPointerException(), null));
        bodies.put("stream that fails at its end", failing(null, new IOException("cannot be closed")));
        bodies.put("stream that throws at its end", failing(null, new IllegalStateException("cannot be closed")));
        bodies.put("reader that fails", failingReader());

        Map<String, Object> itself = with(null);
        itself.put("x", itself);
        bodies.put("map that holds itself", itself);
        List<Object> list = new ArrayList<>();
        list.add(list);
        bodies.put("list that holds itself", with(list));
        Object[] array = new Object[1];
        array[0] = array;
        bodies.put("array that holds itself", with(array));
        Map<String, Object> one = with(null);
        Map<String, Object> other = with(one);
        one.put("x", other);
        bodies.put("maps that hold each other", one);
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("prompt", "hi");
        node.set("x", node);
        bodies.put("node that holds itself", node);
        ArrayNode nodes = JsonNodeFactory.instance.arrayNode();
        nodes.add(nodes);
        bodies.put("request that holds itself", new GenerateRequest(null, null, null, null,
                List.of(new ChatMessage("user", "hi", JsonNodeFactory.instance.objectNode().set("x", nodes))), null, null));
        Object doubled = "hi";
        for (int i = 0; i < 60; i++) {
            doubled = List.of(doubled, doubled);
        }
        bodies.put("map that is larger than it seems", with(doubled));

        bodies.put("map with a null key", new HashMap<>(with(new HashMap<>() {{
            put(null, "a");
        }})));
        bodies.put("getter that throws", with(new Broken()));
        bodies.put("object without fields", with(new Object()));
        bodies.put("optional", with(Optional.of("a")));
        bodies.put("long number", "{\"prompt\":\"hi\",\"x\":" + "9".repeat(100_000) + "}");
        bodies.put("long number in a map", with(new java.math.BigInteger("9".repeat(100_000))));
        bodies.put("number without end", "{\"prompt\":\"hi\",\"x\":1e99999999999}");
        bodies.put("no request", new Broken());
        bodies.put("list", List.of("a"));
        bodies.put("request with a bad id", new GenerateRequest("../x", null, null, null, List.of(), "hi", null));
        bodies.put("request without a prompt", new GenerateRequest(null, null, null, null, null, null, null));
        return bodies;
    }

    private static void assertInvalid(String type, String message, String what) {
        assertThat(type).as("%s: %s", what, message).isEqualTo("invalid-request");
        assertThat(message).as(what).hasLineCount(1).isNotBlank().doesNotContain("\n").hasSizeLessThan(500);
    }

    @Test
    void everyBodyThatHurtsIsAnInvalidRequestWhereItsCallerWaits() throws Exception {
        start("bactrian.max-request-bytes", "1MB");
        for (String wayIn : WAYS_IN) {
            bodies().forEach((what, body) -> {
                if (wayIn.startsWith("kamelet") && (body instanceof InputStream || body instanceof Reader)) {
                    // Camel itself reads a stream before a Kamelet's first step.
                    return;
                }
                Throwable failure = catchThrowable(() -> template().requestBody(wayIn, body, String.class));

                assertThat(failure).as("%s to %s", what, wayIn).isInstanceOf(CamelExecutionException.class);
                assertThat(failure.getCause()).as("%s to %s", what, wayIn).isInstanceOf(GenerateException.class);
                GenerateException failed = (GenerateException) failure.getCause();
                assertInvalid(failed.getType(), failed.getMessage(), what + " to " + wayIn);
            });
        }
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void everyBodyThatHurtsIsAnInvalidRequestWhereItsCallerGoesOn() throws Exception {
        start("bactrian.max-request-bytes", "1MB");
        Map<String, Object> bodies = bodies();
        bodies.forEach((what, body) -> template().sendBodyAndHeader("direct:generate-and-emit", body, "what", what));

        await().until(() -> captured.errors.size() == bodies.size());
        captured.errors.forEach(error -> assertInvalid(error.json().at("/error/type").asText(), error.json().at("/error/message").asText(), "emitted"));
        captured.errors.clear();
        assertThat(simulator.requests()).isEmpty();
    }

    @Test
    void whatIsNestedLessIsPassedOnAsItCame() throws Exception {
        start();
        simulator.on(Call.CHAT, Reply.stream("a"), Reply.stream("a"));
        String options = nested(991, true);

        generate("{\"prompt\":\"hi\",\"x\":" + options + "}");
        generate(with(nestedMap(991)));
        generate("{\"model\":\"gemma-2b\",\"prompt\":\"hi\",\"x\":" + options + "}");

        assertThat(simulator.requests(Call.CHAT).get(0).json().path("x").toString()).isEqualTo(options);
        assertThat(simulator.requests(Call.CREATE).get(0).json().at("/input/x").toString()).isEqualTo(options);
        captured.chunks.clear();
    }

    /** Names of one length, each of which has the same hash as the others. */
    private static List<String> namesOfOneHash(int parts) {
        List<String> names = List.of("");
        for (int i = 0; i < parts; i++) {
            names = names.stream().flatMap(name -> List.of(name + "AaAa", name + "BBBB", name + "AaBB", name + "BBAa").stream()).toList();
        }
        return names;
    }

    @Test
    void namesOfOneHashAreInTheWayOfNoOtherRequest() throws Exception {
        start();
        simulator.always(Call.CHAT, Reply.stream("a"));
        for (int i = 0; i < 20; i++) {
            String prefix = "n" + i;
            StringBuilder fields = new StringBuilder("{\"prompt\":\"hi\"");
            namesOfOneHash(5).forEach(name -> fields.append(",\"").append(prefix).append(name).append("\":1"));
            generate(fields.append('}').toString());
            ObjectNode map = (ObjectNode) node(fields.toString());
            generate(map);
        }
        for (int i = 0; i < 20; i++) {
            StringBuilder fields = new StringBuilder("{\"prompt\":\"hi\"");
            for (int field = 0; field < 1000; field++) {
                fields.append(",\"field").append(i).append('x').append(field).append("\":1");
            }
            assertThat(generate(fields.append('}').toString()).path("text").asText()).isEqualTo("a");
        }
        captured.chunks.clear();
    }

    private static JsonNode node(String json) throws JsonProcessingException {
        return new ObjectMapper(com.fasterxml.jackson.core.JsonFactory.builder()
                .disable(com.fasterxml.jackson.core.JsonFactory.Feature.CANONICALIZE_FIELD_NAMES).build()).readTree(json);
    }
}
