package dev.bactrian.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.UserPrincipal;
import java.util.HashSet;
import java.util.Set;

/** The user that this process runs as, found out from the owner of a file that it writes. */
final class User {

    /** The uid if the system does not provide one. */
    static final int UNKNOWN = -1;

    private static final int STICKY = 01000;
    private static final int NUMBER;
    /** This user, and the owner of the root folder, who can access everything anyway. */
    private static final Set<UserPrincipal> TRUSTED = new HashSet<>();

    static {
        int number = UNKNOWN;
        try {
            number = ownerOfWhatIsWritten();
        } catch (IOException | RuntimeException e) {
            try {
                number = learn(Path.of("/proc/self"));
            } catch (IOException | RuntimeException again) {
                // Owners are unknown, so every owner is trusted.
                TRUSTED.clear();
            }
        }
        NUMBER = number;
    }

    private static int ownerOfWhatIsWritten() throws IOException {
        Path own = Files.createTempFile("bactrian-", ".user");
        try {
            return learn(own);
        } finally {
            Files.deleteIfExists(own);
        }
    }

    private static int learn(Path own) throws IOException {
        TRUSTED.add(Files.getOwner(own));
        TRUSTED.add(Files.getOwner(own.toAbsolutePath().getRoot()));
        return number(own);
    }

    private User() {
    }

    private static int number(Path path) throws IOException {
        return path.getFileSystem().supportedFileAttributeViews().contains("unix") ? (Integer) Files.getAttribute(path, "unix:uid") : UNKNOWN;
    }

    /** Whether files of that owner are under nobody else's control; true if owners are unknown. */
    static boolean isTrusted(UserPrincipal owner) {
        return TRUSTED.isEmpty() || TRUSTED.contains(owner);
    }

    /** Whether this user may move a file of that owner out of the folder: in a sticky folder such as /tmp, only its own files. */
    static boolean mayMove(Path folder, int owner) throws IOException {
        if (NUMBER == UNKNOWN || NUMBER == 0 || owner == NUMBER || owner == UNKNOWN) {
            return true;
        }
        return ((Integer) Files.getAttribute(folder, "unix:mode") & STICKY) == 0 || number(folder) == NUMBER;
    }
}
