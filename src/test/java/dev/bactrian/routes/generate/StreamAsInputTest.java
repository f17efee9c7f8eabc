package dev.bactrian.routes.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import dev.bactrian.error.GenerateException;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.support.FreePort;
import org.apache.camel.Exchange;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.apache.camel.support.MessageHelper;
import org.junit.jupiter.api.Test;

/** The stream in hand as what consumers and producers of Camel take: bytes as they come, or the whole text. */
class StreamAsInputTest extends RouteTestSupport {

    private interface Step {
        void process(Exchange exchange) throws Exception;
    }

    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private volatile Step step = exchange -> { };
    private Path out;

    @Override
    protected void configure(Main main) {
        out = folder.resolve("out");
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                onException(GenerateException.class).handled(true).process(exchange ->
                        failures.add(exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class))).setBody(constant("failed"));
                from("direct:java").errorHandler(noErrorHandler()).to("direct:generate-stream").process(exchange -> step.process(exchange));
                from("direct:file").to("direct:generate-stream").to("file:" + out + "?fileName=answer.txt&tempPrefix=.");
                from("direct:text").to("direct:generate-stream").convertBodyTo(String.class);
                from("direct:bytes").to("direct:generate-stream").convertBodyTo(byte[].class);
                from("platform-http:/ask").to("direct:generate-stream").removeHeaders("*");
            }
        });
    }

    private int startHost() throws Exception {
        int port = FreePort.find();
        start("bactrian.emit.chunk", "", "camel.server.enabled", "true", "camel.server.host", "127.0.0.1", "camel.server.port", Integer.toString(port));
        return port;
    }

    private static String piece(String content) {
        return "data: {\"choices\":[{\"delta\":{\"content\":\"" + content + "\"}}]}\n\n";
    }

    private void inHand(Step then) {
        step = then;
        template().requestBody("direct:java", "hi");
    }

    @Test
    void aFileARestConsumerAndATextHaveTheWholeAnswer() throws Exception {
        int port = startHost();
        simulator.always(Call.CHAT, Reply.rawStream(piece("안녕") + piece("하") + piece("세요 \\ud83d") + piece("\\ude00") + piece("!") + "data: [DONE]\n\n"));
        String text = "안녕하세요 😀!";

        template().sendBody("direct:file", "hi");
        assertThat(Files.readString(out.resolve("answer.txt"))).isEqualTo(text);
        assertThat(template().requestBody("direct:text", "hi")).isEqualTo(text);
        assertThat((byte[]) template().requestBody("direct:bytes", "hi")).isEqualTo(text.getBytes(StandardCharsets.UTF_8));
        HttpResponse<String> answer = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/ask"))
                .POST(HttpRequest.BodyPublishers.ofString("hi")).build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.body()).isEqualTo(text);
        inHand(exchange -> {
            try (Reader reader = exchange.getMessage().getBody(Reader.class)) {
                char[] all = new char[100];
                int length = 0;
                for (int count = reader.read(all); count >= 0; count = reader.read(all, length, all.length - length)) {
                    length += count;
                }
                assertThat(new String(all, 0, length)).isEqualTo(text);
            }
        });
        inHand(exchange -> {
            InputStream in = exchange.getMessage().getBody(InputStream.class);
            assertThat(in.readAllBytes()).isEqualTo(text.getBytes(StandardCharsets.UTF_8));
            assertThat(in.read()).isEqualTo(-1);
            assertThat(exchange.getMessage().getBody(String.class)).as("what is left").isEmpty();
        });
        assertThat(failures).isEmpty();
    }

    @Test
    void bytesAreThereBeforeTheNextChunkIsWritten() throws Exception {
        startHost();
        CountDownLatch first = new CountDownLatch(1);
        boolean[] before = new boolean[1];
        simulator.on(Call.CHAT, Reply.stream("one", "two").chunkListener(piece -> {
            if (piece == 1) {
                try {
                    before[0] = first.await(20, TimeUnit.SECONDS);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }));

        inHand(exchange -> {
            Reader reader = exchange.getMessage().getBody(Reader.class);
            char[] some = new char[100];
            assertThat(new String(some, 0, reader.read(some))).isEqualTo("one");
            first.countDown();
            assertThat(new String(some, 0, reader.read(some))).isEqualTo("two");
        });

        assertThat(before[0]).as("the first chunk was read before the second was written").isTrue();
    }

    /** What a tracer, a debugger and a dump ask for. */
    @Test
    void showingAMessageLeavesItsStreamToTheRoute() throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.stream("a", "b"));

        inHand(exchange -> {
            assertThat(MessageHelper.extractBodyForLogging(exchange.getMessage())).contains("ChunkStream");
            assertThat(MessageHelper.dumpAsXml(exchange.getMessage())).contains("ChunkStream");
            assertThat(exchange.getMessage().getBody(String.class)).isEqualTo("ab");
        });
    }

    @Test
    void aFailureUnderWayIsOfTheReaders() throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.rawStream(piece("a")));

        inHand(exchange -> {
            InputStream in = exchange.getMessage().getBody(InputStream.class);
            assertThat(in.read()).isEqualTo('a');
            for (int i = 0; i < 2; i++) {
                assertThatThrownBy(in::read).isInstanceOf(IOException.class).hasMessageStartingWith("stream-interrupted")
                        .hasCauseInstanceOf(GenerateException.class);
            }
        });
        for (String endpoint : new String[] {"direct:file", "direct:text", "direct:bytes"}) {
            assertThat(template().requestBody(endpoint, "hi")).as(endpoint).isEqualTo("failed");
            assertThat(failures.poll()).as(endpoint).hasStackTraceContaining("GenerateException: stream-interrupted");
        }
        assertThat(out.resolve("answer.txt")).doesNotExist();
    }

    @Test
    void closingItClosesTheStreamAndAPartIsNotTakenForTheWhole() throws Exception {
        startHost();
        simulator.always(Call.CHAT, Reply.stream("a").thenHang());

        inHand(exchange -> {
            InputStream in = exchange.getMessage().getBody(InputStream.class);
            InputStream other = exchange.getMessage().getBody(InputStream.class);
            assertThat(in.read()).isEqualTo('a');
            in.close();
            await().until(() -> simulator.clientAborts() == 1);
            assertThatThrownBy(in::read).isInstanceOf(IOException.class);
            assertThatThrownBy(other::read).isInstanceOf(IOException.class).hasMessageContaining("before its end");
        });
    }
}
