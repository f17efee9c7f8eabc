package dev.bactrian.emit;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The bytes and the type of an image.
 *
 * @param contentType in lower case and without parameters, such as {@code image/png}
 */
public record ImageContent(byte[] bytes, String contentType) {

    private static final Pattern TYPE = Pattern.compile("[a-z0-9]+/[a-z0-9.+-]+");
    private static final Map<String, String> EXTENSIONS = Map.of("image/png", "png", "image/jpeg", "jpg", "image/webp", "webp",
            "image/gif", "gif", "image/svg+xml", "svg", "image/avif", "avif", "image/bmp", "bmp", "image/tiff", "tiff");

    /**
     * Returns the image in an answer. Its type is that of the header or, if that is missing or generic, the one that the first bytes
     * show.
     *
     * @throws ImageException if it is not an image
     */
    static ImageContent of(byte[] bytes, String header) throws ImageException {
        String type = mediaType(header);
        String shown = shown(bytes);
        if (type.isEmpty() || type.equals("application/octet-stream")) {
            type = shown == null ? type : shown;
        }
        if (!type.startsWith("image/") || !TYPE.matcher(type).matches()) {
            throw new ImageException("is not an image but '" + type + "'");
        } else if (bytes.length == 0) {
            throw new ImageException("is empty", true);
        } else if (shown == null && isMarked(type)) {
            throw new ImageException("is said to be '" + type + "' and is not");
        }
        return new ImageContent(bytes, type);
    }

    /** Returns the image in those bytes, whose type the first of them show; empty if they show none. */
    public static Optional<ImageContent> of(byte[] bytes) {
        return Optional.ofNullable(shown(bytes)).map(type -> new ImageContent(bytes, type));
    }

    /**
     * Returns the content of a {@code data:} URL.
     *
     * @throws ImageException if it cannot be decoded
     */
    static ImageContent of(String dataUrl) throws ImageException {
        int comma = dataUrl.indexOf(',');
        if (comma < 0) {
            throw new ImageException("a data URL without its data");
        }
        String head = dataUrl.substring(5, comma);
        boolean base64 = head.toLowerCase(Locale.ROOT).endsWith(";base64");
        String type = mediaType(base64 ? head.substring(0, head.length() - 7) : head);
        String data = dataUrl.substring(comma + 1);
        try {
            byte[] bytes = base64 ? Base64.getMimeDecoder().decode(data)
                    : URLDecoder.decode(data.replace("+", "%2B"), StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
            return new ImageContent(bytes, TYPE.matcher(type).matches() ? type : "text/plain");
        } catch (IllegalArgumentException e) {
            throw new ImageException("a data URL that is not base64");
        }
    }

    static boolean isData(String url) {
        return url.regionMatches(true, 0, "data:", 0, 5);
    }

    private static String mediaType(String contentType) {
        return contentType == null ? "" : contentType.split(";", 2)[0].trim().toLowerCase(Locale.ROOT);
    }

    /** Whether {@link #shown} recognizes all images of that type. */
    private static boolean isMarked(String type) {
        return type.equals("image/png") || type.equals("image/jpeg") || type.equals("image/gif") || type.equals("image/webp");
    }

    /** Returns the type that the first bytes show, or null. */
    private static String shown(byte[] bytes) {
        String start = new String(bytes, 0, Math.min(16, bytes.length), StandardCharsets.ISO_8859_1);
        if (start.startsWith("\u0089PNG\r\n\u001a\n")) {
            return "image/png";
        } else if (start.startsWith("\u00ff\u00d8\u00ff")) {
            return "image/jpeg";
        } else if (start.startsWith("GIF8")) {
            return "image/gif";
        } else if (start.startsWith("RIFF") && start.startsWith("WEBP", 8)) {
            return "image/webp";
        } else if (start.startsWith("ftypavif", 4)) {
            return "image/avif";
        } else if (start.startsWith("II*\0") || start.startsWith("MM\0*")) {
            return "image/tiff";
        }
        return start.startsWith("BM") ? "image/bmp" : null;
    }

    /** Returns the file name extension for the type. */
    String extension() {
        return EXTENSIONS.getOrDefault(contentType, "bin");
    }

    /** Returns a {@code data:} URL of the image. */
    public String dataUrl() {
        return "data:" + contentType + ";base64," + Base64.getEncoder().encodeToString(bytes);
    }
}
