package dev.bactrian.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.HashSet;
import java.util.Set;

/** The user that this process runs as: the owner of what it writes. */
final class User {

    /** The number of a user that the system does not tell. */
    static final int UNKNOWN = -1;

    private static final int STICKY = 01000;
    private static final int NUMBER;
    /** This user, and whoever the root of the file system belongs to: that one needs no inbox to get at anything. */
    private static final Set<UserPrincipal> TRUSTED = new HashSet<>();

    static {
        int number = UNKNOWN;
        try {
            Path own = Files.createTempFile("bactrian-", ".user");
            try {
                TRUSTED.add(Files.getOwner(own));
                number = number(own);
                TRUSTED.add(Files.getOwner(own.toAbsolutePath().getRoot()));
            } finally {
                Files.deleteIfExists(own);
            }
        } catch (IOException | RuntimeException e) {
            // Nothing can be written, or owners are unknown here: nobody is told apart then.
            TRUSTED.clear();
        }
        NUMBER = number;
    }

    private User() {
    }

    private static int number(Path path, LinkOption... options) throws IOException {
        return isUnix(path) ? (Integer) Files.getAttribute(path, "unix:uid", options) : UNKNOWN;
    }

    private static boolean isUnix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("unix");
    }

    /** Whether what that user owns is in no other hands than ours; true where owners are unknown. */
    static boolean isTrusted(UserPrincipal owner) {
        return TRUSTED.isEmpty() || TRUSTED.contains(owner);
    }

    /** Whether a file of that owner may be moved out of that folder: not another's, where the folder is a sticky one such as /tmp. */
    static boolean mayMove(Path folder, int owner) throws IOException {
        if (NUMBER == UNKNOWN || NUMBER == 0 || owner == NUMBER || owner == UNKNOWN) {
            return true;
        }
        return ((Integer) Files.getAttribute(folder, "unix:mode") & STICKY) == 0 || number(folder) == NUMBER;
    }
}
