package dev.bactrian.file;

import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Set;

import dev.bactrian.text.Fingerprint;

/** File names in the inbox: names that are never requests, and names derived from that of a request. */
final class InboxNames {

    /** The suffix of lock files; the file component ignores such names. */
    static final String LOCK = ".camelLock";

    /** The maximum length of a file name, in bytes. */
    private static final int LONGEST = 255;
    private static final DateTimeFormatter TIMESTAMP = DateTimeFormatter.ofPattern("yyyyMMddHHmmssSSS", Locale.ROOT);
    private static final int TIMESTAMP_BYTES = 18;

    /** Extensions of temporary and backup files of editors, browsers, and copy and sync tools. */
    private static final Set<String> LEFTOVER_EXTENSIONS = Set.of(
            "swp", "swo", "swn", "swx", "bak", "orig", "tmp", "temp", "crswap",
            "part", "partial", "crdownload", "download", "opdownload", "filepart", "aria2", "!ut", "!qb", "!sync", "bts", "ffs_tmp");
    private static final Set<String> LEFTOVER_ENDS = Set.of("~", "___jb_tmp___", "___jb_old___");
    private static final Set<String> LEFTOVER_NAMES = Set.of("desktop.ini", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "icon\r");

    private InboxNames() {
    }

    /** Whether the name is that of a temporary file of some program. Ignores case. */
    static boolean isLeftover(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.startsWith(".") || lower.startsWith("~$") || lower.length() > 1 && lower.startsWith("#") && lower.endsWith("#")
                || LEFTOVER_ENDS.stream().anyMatch(lower::endsWith) || LEFTOVER_NAMES.contains(lower)
                || LEFTOVER_EXTENSIONS.contains(lower.substring(lower.lastIndexOf('.') + 1)) && lower.lastIndexOf('.') >= 0;
    }

    /** Returns the id for a request that has none: the name without its last extension. */
    static String defaultId(String name) {
        int dot = name.lastIndexOf('.');
        return dot > 0 ? name.substring(0, dot) : name;
    }

    /** Returns what is unusual about the name, so that it is changed where it is used again, or null. */
    static String oddity(String name) {
        return name.indexOf('\\') >= 0 ? "has a backslash" : name.chars().anyMatch(Character::isISOControl) ? "has control characters"
                : bytes(name) + TIMESTAMP_BYTES > LONGEST ? "is " + bytes(name) + " bytes long" : null;
    }

    /** Returns the name of the lock file that keeps other processes from that file. */
    static String lock(String name) {
        return bytes(name) + LOCK.length() <= LONGEST ? name + LOCK : Fingerprint.of(name.getBytes(StandardCharsets.UTF_8)) + LOCK;
    }

    /**
     * Returns the name with a timestamp, and a number if it is not 0, in front; truncated to the maximum length, but keeping a
     * short extension.
     */
    static String stamped(String name, LocalDateTime time, int number) {
        String front = TIMESTAMP.format(time) + (number == 0 ? "" : "-" + number) + "-";
        int dot = name.lastIndexOf('.');
        String extension = dot > 0 && name.length() - dot <= 10 ? name.substring(dot) : "";
        String stem = name.substring(0, name.length() - extension.length());
        int room = LONGEST - front.length() - bytes(extension);
        while (bytes(stem) > room) {
            stem = stem.substring(0, stem.offsetByCodePoints(stem.length(), -1));
        }
        return front + stem + extension;
    }

    private static int bytes(String name) {
        return name.getBytes(StandardCharsets.UTF_8).length;
    }
}
