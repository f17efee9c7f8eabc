package dev.bactrian.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicInteger;

import org.apache.hc.client5.http.classic.ExecRuntime;
import org.junit.jupiter.api.Test;

/** An answer that is left before its end costs its connection, one that was read to its end does not. */
class AnswerBodyTest {

    private final AtomicInteger cut = new AtomicInteger();
    private final ExecRuntime runtime = (ExecRuntime) Proxy.newProxyInstance(getClass().getClassLoader(),
            new Class<?>[] {ExecRuntime.class}, (proxy, method, arguments) -> {
                if (method.getName().equals("discardEndpoint")) {
                    cut.incrementAndGet();
                }
                return null;
            });

    private AnswerBody stream(byte[] body, long length, long limit) {
        return new AnswerBody(new ByteArrayInputStream(body), runtime, null, length, limit);
    }

    @Test
    void aBodyOfKnownLengthEndsAtItsLastByte() throws IOException {
        InputStream stream = stream(new byte[10], 10, 100);
        assertThat(stream.readNBytes(10)).hasSize(10);
        stream.close();
        assertThat(cut).hasValue(0);
    }

    @Test
    void aBodyReadToItsEndKeepsItsConnection() throws IOException {
        InputStream stream = stream(new byte[10], -1, 100);
        stream.readAllBytes();
        stream.close();
        assertThat(cut).hasValue(0);
    }

    @Test
    void aReadThatGetsJustWhatItAskedForIsNotTheEnd() throws IOException {
        InputStream stream = stream(new byte[10], -1, 100);
        assertThat(stream.read(new byte[4], 0, 4)).isEqualTo(4);
        stream.close();
        assertThat(cut).hasValue(1);
    }

    @Test
    void aSingleByteIsNotTheEnd() throws IOException {
        InputStream stream = stream(new byte[10], -1, 100);
        assertThat(stream.read()).isZero();
        stream.close();
        stream.close();
        assertThat(cut).hasValue(1);
    }

    @Test
    void aLargerBodyThanAllowedIsRefused() {
        assertThatThrownBy(() -> stream(new byte[101], -1, 100).readAllBytes())
                .isInstanceOf(ResponseTooLargeException.class).hasMessageContaining("bactrian.max-response-bytes");
    }

    @Test
    void aClosedBodyIsNotReadOn() throws IOException {
        InputStream stream = stream(new byte[10], -1, 100);
        stream.close();
        assertThatThrownBy(stream::read).isInstanceOf(IOException.class);
    }
}
