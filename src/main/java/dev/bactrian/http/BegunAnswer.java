package dev.bactrian.http;

import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

import dev.bactrian.text.ProviderJson;

/**
 * The body of the answer to a create, which is paid for. If reading fails after the id of the prediction has arrived, the body ends
 * there instead of failing: with the id the prediction can be polled.
 */
final class BegunAnswer extends FilterInputStream {

    private static final int MOST_KEPT = 1024 * 1024;

    private final String field;
    private final ByteArrayOutputStream begun = new ByteArrayOutputStream();

    /** Creates the body of an answer whose {@code field} holds the id. */
    BegunAnswer(InputStream body, String field) {
        super(body);
        this.field = field;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] buffer, int offset, int most) throws IOException {
        try {
            int n = super.read(buffer, offset, most);
            if (n > 0 && begun.size() < MOST_KEPT) {
                begun.write(buffer, offset, n);
            }
            return n;
        } catch (IOException e) {
            if (ProviderJson.begun(begun.toString(StandardCharsets.UTF_8), field).isEmpty()) {
                throw e;
            }
            return -1;
        }
    }
}
