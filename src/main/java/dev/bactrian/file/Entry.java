package dev.bactrian.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;

/**
 * A directory entry of the inbox. Links are not followed.
 *
 * @param size     in bytes
 * @param modified in milliseconds since 1970
 * @param names    the number of hard links; 1 if the system does not say
 * @param owner    the owner's uid, or {@link User#UNKNOWN}
 */
record Entry(Kind kind, long size, long modified, int names, int owner) {

    enum Kind { FILE, FOLDER, LINK, OTHER }

    /** Why a link is not a request. */
    static final String IS_A_LINK = "it is a link";

    private static final String BASIC = "isRegularFile,isDirectory,isSymbolicLink,size,lastModifiedTime";

    /**
     * Reads the entry of that path.
     *
     * @throws IOException if it is gone or cannot be read
     */
    static Entry of(Path path) throws IOException {
        boolean unix = path.getFileSystem().supportedFileAttributeViews().contains("unix");
        Map<String, Object> read = Files.readAttributes(path, unix ? "unix:nlink,uid," + BASIC : BASIC, LinkOption.NOFOLLOW_LINKS);
        Kind kind = is(read, "isSymbolicLink") ? Kind.LINK : is(read, "isDirectory") ? Kind.FOLDER : is(read, "isRegularFile") ? Kind.FILE : Kind.OTHER;
        return new Entry(kind, (Long) read.get("size"), ((FileTime) read.get("lastModifiedTime")).toMillis(),
                unix ? (Integer) read.get("nlink") : 1, unix ? (Integer) read.get("uid") : User.UNKNOWN);
    }

    private static boolean is(Map<String, Object> read, String attribute) {
        return (Boolean) read.get(attribute);
    }

    /** Whether the entry is unchanged, judging by kind, size and time. */
    boolean isAsBefore(Entry before) {
        return before != null && kind == before.kind && size == before.size && modified == before.modified;
    }

    /** Returns why such an entry is never a request, or null if it may be one. */
    String refusal() {
        return switch (kind) {
            case LINK -> IS_A_LINK;
            case FOLDER -> "it is a folder";
            case OTHER -> "it is no regular file";
            case FILE -> names > 1 ? "it has a second name somewhere (a hard link)" : null;
        };
    }
}
