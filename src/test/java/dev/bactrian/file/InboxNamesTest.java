package dev.bactrian.file;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the names of files in the inbox say, and the names that are made of them. */
class InboxNamesTest {

    private static final LocalDateTime TIME = LocalDateTime.of(2026, 11, 21, 9, 0, 0, 123_000_000);

    @ParameterizedTest
    @ValueSource(strings = {"x~", "x.txt~", "x.~1~", "#x#", ".x", ".x.swp", "x.SWP", "~$x.docx", "x.part", "x.Part", "x.crdownload", "x.download", "x.opdownload",
        "x.filepart", "x.partial", "x.tmp", "x.bak", "x.json.crswap", "desktop.ini", "Desktop.INI", "Thumbs.db", "THUMBS.DB", "x.txt___jb_tmp___", "Icon\r", "x.!qB"})
    void whatProgramsLeaveIsNoRequest(String name) {
        assertThat(InboxNames.isLeftover(name)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "x.txt", "x.json", "~x", "~x.txt", "#x", "x#", "#", "part", "tmp", "bak", "part.txt", "x.part.txt", "x.parts", "desktop.ini.txt",
        "download.json", "x$", "$x", "thumbs.txt", "note (conflicted copy).txt", "낙타.txt"})
    void everyOtherNameIsARequest(String name) {
        assertThat(InboxNames.isLeftover(name)).isFalse();
    }

    @Test
    void anIdIsTheNameWithoutItsLastExtension() {
        assertThat(InboxNames.defaultId("a.b.txt")).isEqualTo("a.b");
        assertThat(InboxNames.defaultId("a")).isEqualTo("a");
        assertThat(InboxNames.defaultId("a.")).isEqualTo("a");
        assertThat(InboxNames.defaultId("x\\a.txt")).as("not that of a.txt").isEqualTo("x\\a");
    }

    @ParameterizedTest
    @ValueSource(strings = {"cat.txt", "낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙낙.txt",
        "🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪🐪"})
    void aNameWithATimeInFrontIsNoLongerThanANameMayBe(String name) {
        String stamped = InboxNames.stamped(name, TIME, 12);
        assertThat(stamped).startsWith("20261121090000123-12-");
        assertThat(stamped.getBytes(StandardCharsets.UTF_8)).hasSizeLessThanOrEqualTo(255);
        assertThat(new String(stamped.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8)).as("no half of a character").isEqualTo(stamped);
        assertThat(stamped.endsWith(".txt")).isEqualTo(name.endsWith(".txt"));
        assertThat(InboxNames.lock(name).getBytes(StandardCharsets.UTF_8)).hasSizeLessThanOrEqualTo(255);
        assertThat(InboxNames.lock("cat.txt")).isEqualTo("cat.txt.camelLock");
    }

    @Test
    void aLongNameIsOddAndAUsualOneIsNot() {
        assertThat(InboxNames.oddity("낙".repeat(82) + ".txt")).isEqualTo("is 250 bytes long");
        assertThat(InboxNames.oddity("a\\b")).isNotNull();
        assertThat(InboxNames.oddity("a\nb")).isNotNull();
        assertThat(InboxNames.oddity("김서현.txt")).isNull();
    }
}
