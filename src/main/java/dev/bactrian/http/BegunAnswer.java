package dev.bactrian.http;

import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

import dev.bactrian.text.ProviderJson;

/**
 * The body of the answer to a call that is paid for. Where it breaks off, however that may be, but has brought the id of what was
 * made, that is its end and no failure: with the id there is a way to all else.
 */
final class BegunAnswer extends FilterInputStream {

    private static final int MOST_KEPT = 1024 * 1024;

    private final String field;
    private final ByteArrayOutputStream begun = new ByteArrayOutputStream();

    /** {@code field}: the one that holds the id. */
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
