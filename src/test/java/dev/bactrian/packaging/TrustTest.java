package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The table of the trust page: each row names the tests that hold it. */
class TrustTest {

    private static final Pattern TEST = Pattern.compile("`(\\w+)#(\\w+)`");

    /** The rows of the table under "Who may write where", without its head. */
    static List<String> rows() throws IOException {
        String page = Files.readString(Path.of("docs/trust.md"));
        String section = page.substring(page.indexOf("## Who may write where"));
        List<String> rows = section.lines().dropWhile(line -> !line.startsWith("|")).takeWhile(line -> line.startsWith("|")).toList();
        assertThat(rows).hasSizeGreaterThan(2);
        return rows.subList(2, rows.size());
    }

    @ParameterizedTest
    @MethodSource("rows")
    void eachRowIsHeldByATest(String row) {
        String[] cells = row.split("\\|");
        Matcher cited = TEST.matcher(cells[cells.length - 1]);
        assertThat(cells).as(row).hasSize(5);
        assertThat(cited.find()).as(row).isTrue();
        do {
            assertThat(isTest(cited.group(1), cited.group(2))).as(cited.group()).isTrue();
        } while (cited.find());
    }

    /** Whether a class of that name has a test of that name: an annotation and a method with no blank line between. */
    private static boolean isTest(String name, String method) {
        return Stream.of("src/test/java", "src/it", "examples").map(Sources::in).flatMap(List::stream)
                .filter(file -> file.endsWith(name + ".java"))
                .flatMap(file -> Stream.of(Sources.text(file).split("\n\n")))
                .anyMatch(block -> block.contains(" void " + method + "(") && block.matches("(?s).*@(Parameterized|Repeated)?Test\\b.*"));
    }
}
