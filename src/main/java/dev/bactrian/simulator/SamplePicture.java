package dev.bactrian.simulator;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;

/** The image of all image models: a two-humped camel at dusk, 256 x 160 pixels, PNG. */
final class SamplePicture {

    static final int WIDTH = 256;
    static final int HEIGHT = 160;

    private static final byte[] SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    private static final int GROUND = 132;
    private static final int SKIES = 8;
    private static final int[] LEGS = {78, 92, 150, 164};
    private static final AtomicReferenceArray<byte[]> MADE = new AtomicReferenceArray<>(SKIES);

    private SamplePicture() {
    }

    /** Returns the PNG file; the colour of the sky depends on the name. */
    static byte[] of(String name) {
        int sky = Math.floorMod(name.hashCode(), SKIES);
        byte[] png = MADE.get(sky);
        if (png == null) {
            png = png(sky);
            MADE.set(sky, png);
        }
        return png;
    }

    private static byte[] png(int sky) {
        try {
            ByteArrayOutputStream pixels = new ByteArrayOutputStream();
            try (DeflaterOutputStream deflated = new DeflaterOutputStream(pixels, new Deflater(9))) {
                for (int y = 0; y < HEIGHT; y++) {
                    deflated.write(0);
                    for (int x = 0; x < WIDTH; x++) {
                        int colour = colour(x, y, sky);
                        deflated.write(colour >> 16);
                        deflated.write(colour >> 8);
                        deflated.write(colour);
                    }
                }
            }
            ByteArrayOutputStream header = new ByteArrayOutputStream();
            DataOutputStream fields = new DataOutputStream(header);
            fields.writeInt(WIDTH);
            fields.writeInt(HEIGHT);
            fields.write(new byte[] {8, 2, 0, 0, 0}); // eight bits, RGB, no interlace
            ByteArrayOutputStream file = new ByteArrayOutputStream();
            file.write(SIGNATURE);
            chunk(file, "IHDR", header.toByteArray());
            chunk(file, "IDAT", pixels.toByteArray());
            chunk(file, "IEND", new byte[0]);
            return file.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void chunk(ByteArrayOutputStream file, String type, byte[] data) throws IOException {
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        CRC32 check = new CRC32();
        check.update(name);
        check.update(data);
        DataOutputStream out = new DataOutputStream(file);
        out.writeInt(data.length);
        out.write(name);
        out.write(data);
        out.writeInt((int) check.getValue());
    }

    private static int colour(int x, int y, int sky) {
        if (camel(x, y)) {
            return 0x2b1d14;
        }
        if (y >= GROUND + 5 * Math.sin(x / 40.0)) {
            return 0xb98a4e - 0x010101 * ((y - GROUND) / 2);
        }
        double low = (double) y / GROUND;
        double hue = 2 * Math.PI * sky / SKIES;
        int red = shade(90 + 50 * Math.cos(hue) + 110 * low);
        int green = shade(90 + 40 * Math.cos(hue - 2.1) + 70 * low);
        int blue = shade(140 + 50 * Math.cos(hue - 4.2) - 20 * low);
        return red << 16 | green << 8 | blue;
    }

    private static int shade(double value) {
        return (int) Math.max(0, Math.min(255, value));
    }

    private static boolean camel(int x, int y) {
        double back = 82 - 34 * bell(x, 98, 12) - 34 * bell(x, 146, 12);
        boolean body = x >= 74 && x <= 172 && y >= back && y <= 104;
        boolean legs = y > 100 && y <= GROUND + 4 && IntStream.of(LEGS).anyMatch(leg -> x >= leg && x <= leg + 6);
        double along = (x - 168) / 34.0;
        double neckMiddle = 92 + 20 * Math.sin(Math.PI * along) - 46 * along;
        boolean neck = along >= 0 && along <= 1 && Math.abs(y - neckMiddle) <= 9 - 3 * along;
        boolean head = Math.pow((x - 208) / 14.0, 2) + Math.pow((y - 46) / 7.0, 2) <= 1;
        boolean tail = x >= 66 && x <= 76 && y >= 80 && y <= 108 && Math.abs(x - 75 + (y - 80) / 4.0) <= 1.5;
        return body || legs || neck || head || tail;
    }

    private static double bell(double x, double middle, double width) {
        return Math.exp(-Math.pow((x - middle) / width, 2));
    }
}
