package dev.bactrian.file;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributeView;
import java.time.LocalDateTime;
import java.util.Set;

/**
 * A folder in the inbox for completed files. Others may write to the inbox, so the folder is only trusted if it is a real folder,
 * not a link, and belongs to this user. If the file system supports it, the check and the move use the same folder handle.
 */
record EndFolder(String name) {

    /** For requests that succeeded. */
    static final EndFolder DONE = new EndFolder(".done");
    /** For requests that failed. */
    static final EndFolder FAILED = new EndFolder(".failed");

    /**
     * Creates the folder if it is missing, and checks it.
     *
     * @throws IOException if it cannot be trusted or created
     */
    void prepare(Path inbox) throws IOException {
        Path folder = inbox.resolve(name);
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            try {
                Files.createDirectory(folder);
            } catch (FileAlreadyExistsException e) {
                // checked below
            }
        }
        check(folder);
    }

    /**
     * Checks the folder if it exists. Does not create it.
     *
     * @throws IOException if it cannot be trusted
     */
    void checkWhereItIs(Path inbox) throws IOException {
        if (Files.exists(inbox.resolve(name), LinkOption.NOFOLLOW_LINKS)) {
            check(inbox.resolve(name));
        }
    }

    /** Same as {@link #prepare}, and checks that the folder is writable. */
    void prepareForAll(Path inbox) throws IOException {
        prepare(inbox);
        if (!Files.isWritable(inbox.resolve(name))) {
            throw refused("can't be written");
        }
    }

    private void check(Path folder) throws IOException {
        Entry entry = Entry.of(folder);
        if (entry.kind() != Entry.Kind.FOLDER) {
            throw refused(entry.kind() == Entry.Kind.LINK ? "is a link" : "is no folder");
        }
        if (entry.owner() != User.UNKNOWN && !User.isTrusted(Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS))) {
            throw refused("belongs to another user (" + Files.getOwner(folder, LinkOption.NOFOLLOW_LINKS).getName() + ")");
        }
    }

    private FileSystemException refused(String why) {
        return new FileSystemException(name, null, why + ", and must be a folder of this service's user");
    }

    /**
     * Moves a file of the inbox into the folder: under its own name, or with a timestamp in front if that name exists.
     *
     * @throws NoSuchFileException if the file is gone or something else has taken its place
     * @throws IOException if the file cannot be moved
     */
    void take(Path file) throws IOException {
        Path inbox = file.getParent();
        prepare(inbox);
        try (DirectoryStream<Path> from = Files.newDirectoryStream(inbox)) {
            if (from instanceof SecureDirectoryStream<Path> secure) {
                try (SecureDirectoryStream<Path> to = secure.newDirectoryStream(Path.of(name), LinkOption.NOFOLLOW_LINKS)) {
                    move(secure, file.getFileName(), to);
                }
                return;
            }
        }
        mustBeAFile(file, Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS));
        String free = file.getFileName().toString();
        for (int i = 0; Files.exists(inbox.resolve(name).resolve(free), LinkOption.NOFOLLOW_LINKS); i++) {
            free = InboxNames.stamped(file.getFileName().toString(), LocalDateTime.now(), i);
        }
        Files.move(file, inbox.resolve(name).resolve(free));
    }

    private void move(SecureDirectoryStream<Path> from, Path file, SecureDirectoryStream<Path> to) throws IOException {
        PosixFileAttributeView folder = to.getFileAttributeView(PosixFileAttributeView.class);
        if (folder != null && !User.isTrusted(folder.readAttributes().owner())) {
            throw refused("belongs to another user (" + folder.readAttributes().owner().getName() + ")");
        }
        mustBeAFile(file, attributes(from, file));
        Path free = file;
        for (int i = 0; exists(to, free); i++) {
            free = Path.of(InboxNames.stamped(file.toString(), LocalDateTime.now(), i));
        }
        try {
            from.move(file, to, free);
        } catch (AtomicMoveNotSupportedException e) {
            // The folder is on another file system.
            copy(from, file, to, free);
            from.deleteFile(file);
        }
    }

    private static void copy(SecureDirectoryStream<Path> from, Path file, SecureDirectoryStream<Path> to, Path free) throws IOException {
        try (InputStream in = Channels.newInputStream(from.newByteChannel(file, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)));
                OutputStream out = Channels.newOutputStream(to.newByteChannel(free, Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)))) {
            in.transferTo(out);
        }
    }

    private static void mustBeAFile(Path file, BasicFileAttributes attributes) throws IOException {
        if (!attributes.isRegularFile()) {
            throw new NoSuchFileException(file.toString(), null, "something else has taken its place");
        }
    }

    private static boolean exists(SecureDirectoryStream<Path> folder, Path name) throws IOException {
        try {
            attributes(folder, name);
            return true;
        } catch (NoSuchFileException e) {
            return false;
        }
    }

    private static BasicFileAttributes attributes(SecureDirectoryStream<Path> folder, Path name) throws IOException {
        return folder.getFileAttributeView(name, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS).readAttributes();
    }
}
