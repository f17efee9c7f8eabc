package dev.bactrian.emit;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;

import org.apache.camel.Exchange;
import org.apache.camel.TypeConversionException;
import org.apache.camel.TypeConverterLoaderException;
import org.apache.camel.spi.TypeConverterLoader;
import org.apache.camel.spi.TypeConverterRegistry;
import org.apache.camel.support.MessageHelper;
import org.apache.camel.support.TypeConverterSupport;

/**
 * Converts a {@link ChunkStream} for Camel's consumers and producers: to an {@link InputStream} or a {@link Reader}, which return the
 * text as it arrives, and to a {@code String} or {@code byte[]}, which wait for the end. The encoding is UTF-8. Camel finds this class
 * through {@code META-INF/services}.
 */
public final class ChunkStreamConverters implements TypeConverterLoader {

    private static final String MESSAGE_HELPER = MessageHelper.class.getName();
    /** How many stack frames to search for the caller of the type converter registry. */
    private static final int FRAMES = 20;

    /** Converts the rest of a stream. */
    private interface Conversion<T> {
        T of(ChunkStream stream) throws IOException;
    }

    @Override
    public void load(TypeConverterRegistry registry) throws TypeConverterLoaderException {
        add(registry, InputStream.class, ChunkInputStream::new);
        add(registry, Reader.class, stream -> new InputStreamReader(new ChunkInputStream(stream), StandardCharsets.UTF_8));
        add(registry, String.class, stream -> isShown() ? stream.toString() : text(stream));
        add(registry, byte[].class, stream -> text(stream).getBytes(StandardCharsets.UTF_8));
    }

    private static <T> void add(TypeConverterRegistry registry, Class<T> type, Conversion<T> conversion) {
        registry.addTypeConverter(type, ChunkStream.class, new TypeConverterSupport() {
            @Override
            public <U> U convertTo(Class<U> wanted, Exchange exchange, Object value) {
                try {
                    return wanted.cast(conversion.of((ChunkStream) value));
                } catch (IOException e) {
                    throw new TypeConversionException(value, wanted, e);
                }
            }
        });
    }

    /**
     * Whether Camel wants the text for a tracer, a debugger or a log: it then calls its {@code MessageHelper}. Reading the text would
     * wait for the end of the stream and consume it; for streams of the JDK the helper avoids that itself.
     */
    private static boolean isShown() {
        return StackWalker.getInstance().walk(frames -> frames.limit(FRAMES).anyMatch(frame -> frame.getClassName().equals(MESSAGE_HELPER)));
    }

    private static String text(ChunkStream stream) throws IOException {
        StringBuilder text = new StringBuilder();
        for (String chunk = ChunkInputStream.next(stream); chunk != null; chunk = ChunkInputStream.next(stream)) {
            text.append(chunk);
        }
        return text.toString();
    }
}
