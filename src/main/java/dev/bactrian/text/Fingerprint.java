package dev.bactrian.text;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** A short hash that identifies a text without showing it: 96 bits of its SHA-256. */
public final class Fingerprint {

    /** The length of a fingerprint in characters. */
    public static final int LENGTH = 24;

    private Fingerprint() {
    }

    /** Returns the fingerprint: {@value #LENGTH} hexadecimal digits in lower case. */
    public static String of(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes), 0, LENGTH / 2);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
