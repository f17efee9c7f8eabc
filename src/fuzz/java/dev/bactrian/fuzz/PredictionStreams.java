package dev.bactrian.fuzz;

import java.io.IOException;
import java.io.InputStream;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import dev.bactrian.core.Cancellation;
import dev.bactrian.generate.Generation;
import dev.bactrian.replicate.PredictionStream;

/** Texts of predictions as their own event streams bring them: whole ones, cut ones, any bytes. */
final class PredictionStreams {

    private static final Generation TEXT = Product.generation(Product.TEXT);
    private static final Generation ANY = Product.generation(Product.ANY);

    private PredictionStreams() {
    }

    static Case next(Dice dice) {
        Wire wire = new Wire(dice);
        StringBuilder text = new StringBuilder();
        for (int i = dice.below(dice.oneIn(20) ? 120 : 8); i > 0; i--) {
            if (dice.oneIn(10)) {
                wire.event(dice.of("logs", "unknown", null), dice.text(2).replaceAll("\r\n?", "\n"));
            } else {
                // What is no Unicode can't be written into an event, and line ends are LF in one.
                String piece = new String(dice.text(4).getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8).replaceAll("\r\n?", "\n");
                text.append(piece);
                wire.event("output", piece);
            }
        }
        int terminal = wire.length();
        wire.event("done", dice.of("{}", "", "{\"reason\":\"canceled\"}"));
        byte[] bytes = wire.bytes();
        if (dice.oneIn(2)) {
            return Case.any(dice.mutate(bytes), PredictionStreams::anyBytes);
        }
        long seed = dice.seed();
        if (dice.oneIn(3)) {
            int cut = dice.below(terminal + 1);
            IOException end = dice.of(null, new SocketException("Connection reset"), new SocketTimeoutException("Read timed out"));
            return Case.exactly(Arrays.copyOf(bytes, cut), input -> {
                String cutText = String.join("", read(TEXT, Pieces.thenFailing(input, seed, 40, end), input.length));
                Finding.unless(text.toString().startsWith(cutText), "what came of a cut stream is the beginning of the whole",
                        Fuzz.shown(cutText) + " of " + Fuzz.shown(text.toString()));
            });
        }
        return Case.exactly(bytes, input -> {
            Finding.unlessEqual(text.toString(), String.join("", both(TEXT, input, seed)), "the text is that of the output events");
        });
    }

    private static void anyBytes(byte[] input) throws IOException {
        both(TEXT, input, Arrays.hashCode(input));
        both(ANY, input, Arrays.hashCode(input));
    }

    private static List<String> both(Generation generation, byte[] input, long seed) {
        List<String> one = read(generation, Pieces.of(input, 0, Integer.MAX_VALUE), input.length);
        List<String> other = read(generation, Pieces.of(input, seed, seed % 3 == 0 ? 1 : 40), input.length);
        Finding.unlessEqual(one.toString(), other.toString(), "the same bytes give the same, whatever the sizes of reads");
        return one;
    }

    /** The pieces. That a stream broke is no failure: nothing is ever thrown. */
    private static List<String> read(Generation generation, InputStream in, int bytes) {
        PredictionStream stream = Product.REPLICATE.open(generation, new Cancellation(), in);
        List<String> pieces = new ArrayList<>();
        for (int calls = 0; stream.hasNext(); calls++) {
            Finding.unless(calls < bytes + 10, "a stream ends", "more pieces than bytes");
            String piece = stream.next();
            if (piece != null) {
                pieces.add(piece);
            }
        }
        Finding.unless(!pieces.contains(""), "no chunk is empty", pieces);
        pieces.forEach(piece -> Checks.utf8(piece, "a chunk"));
        Finding.unlessEqual(String.join("", pieces), stream.text(), "the chunks make up the text");
        Finding.unlessEqual(pieces.size(), stream.chunks(), "the chunks are counted");
        return pieces;
    }
}
