package dev.bactrian.emit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What an answer is, by what it says and by what it holds. */
class ImageTest {

    private static byte[] bytes(String latin1) {
        return latin1.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static final byte[] PNG = bytes("\u0089PNG\r\n\u001a\n....");

    @ParameterizedTest
    @CsvSource(nullValues = "-", value = {
        "image/png, image/png, png", "IMAGE/PNG; q=1, image/png, png", "image/x-new, image/x-new, bin",
        "image/svg+xml;charset=utf-8, image/svg+xml, svg",
        "-, image/png, png", "application/octet-stream, image/png, png", "image/jpeg, image/jpeg, jpg"})
    void theHeaderSaysWhatItIsAndTheBytesWhereItDoesNot(String header, String type, String extension) throws ImageException {
        ImageContent image = ImageContent.of(PNG, header);

        assertThat(image.contentType()).isEqualTo(type);
        assertThat(image.extension()).isEqualTo(extension);
    }

    @Test
    void theFirstBytesShowTheType() throws ImageException {
        assertThat(ImageContent.of(bytes("\u00ff\u00d8\u00ff\u00e0"), null).contentType()).isEqualTo("image/jpeg");
        assertThat(ImageContent.of(bytes("GIF89a"), null).contentType()).isEqualTo("image/gif");
        assertThat(ImageContent.of(bytes("RIFF\u0010\0\0\0WEBPVP8 "), null).contentType()).isEqualTo("image/webp");
        assertThat(ImageContent.of(bytes("\0\0\0\u001cftypavif"), null).contentType()).isEqualTo("image/avif");
        assertThat(ImageContent.of(bytes("II*\0"), null).contentType()).isEqualTo("image/tiff");
        assertThat(ImageContent.of(bytes("BM6"), null).contentType()).isEqualTo("image/bmp");
    }

    @ParameterizedTest
    @CsvSource(nullValues = "-", value = {
        "text/html, is not an image but 'text/html'", "-, is not an image but ''", "application/json, is not an image but 'application/json'",
        "image/png, is said to be 'image/png' and is not", "image/webp, is said to be 'image/webp' and is not",
        "'image/png\r\nX-Evil: 1', is not an image"})
    void aPageThatIsNoImageIsNone(String header, String said) {
        assertThatThrownBy(() -> ImageContent.of(bytes("<html>gone</html>"), header)).isInstanceOf(ImageException.class).hasMessageStartingWith(said);
    }

    @Test
    void aDataUrlIsDecodedAndWrittenAgain() throws ImageException {
        ImageContent image = ImageContent.of(ImageContent.of(PNG, null).dataUrl());

        assertThat(image.bytes()).isEqualTo(PNG);
        assertThat(image.contentType()).isEqualTo("image/png");
        assertThat(ImageContent.of("data:,a%20b").bytes()).isEqualTo(bytes("a b"));
        assertThatThrownBy(() -> ImageContent.of("data:image/png")).isInstanceOf(ImageException.class);
        assertThatThrownBy(() -> ImageContent.of("data:image/png;base64,a")).isInstanceOf(ImageException.class);
    }
}
