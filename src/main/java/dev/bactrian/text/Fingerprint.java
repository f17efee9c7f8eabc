package dev.bactrian.text;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** What tells texts apart without showing them: 96 bits of their SHA-256. */
public final class Fingerprint {

    /** How many characters one has. */
    public static final int LENGTH = 24;

    private Fingerprint() {
    }

    /** The fingerprint, {@value #LENGTH} hexadecimal digits in small letters. */
    public static String of(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes), 0, LENGTH / 2);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
