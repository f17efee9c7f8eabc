package dev.bactrian.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;

/**
 * What lies under a name of the inbox. A link is a link, whatever it leads to.
 *
 * @param size     in bytes
 * @param modified in milliseconds since 1970
 * @param names    how many names the file has; 1 where the system does not say
 * @param owner    the owner's number, or {@link User#UNKNOWN}
 */
record Entry(Kind kind, long size, long modified, int names, int owner) {

    /** Of which sort it is. */
    enum Kind { FILE, FOLDER, LINK, OTHER }

    /** Why a link is no request. */
    static final String IS_A_LINK = "it is a link";

    private static final String BASIC = "isRegularFile,isDirectory,isSymbolicLink,size,lastModifiedTime";

    /**
     * The entry of that path.
     *
     * @throws IOException where it is gone, or can't be read
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

    /** Whether nobody has written to it in between, as far as size and time tell. */
    boolean isAsBefore(Entry before) {
        return before != null && kind == before.kind && size == before.size && modified == before.modified;
    }

    /** Why nothing of that sort is a request; null where it may be one. */
    String refusal() {
        return switch (kind) {
            case LINK -> IS_A_LINK;
            case FOLDER -> "it is a folder";
            case OTHER -> "it is no regular file";
            case FILE -> names > 1 ? "it has a second name somewhere (a hard link)" : null;
        };
    }
}
