package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The pages of the repository: what they link to exists, and none is long. */
class PagesTest {

    private static final int MOST_LINES = 300;
    private static final int MOST_LINES_OF_THE_README = 150;

    private static final Pattern FENCED = Pattern.compile("(?ms)^```.*?^```$");
    private static final Pattern LINK = Pattern.compile("]\\(([^)\\s]+)\\)");
    private static final Pattern HEADING = Pattern.compile("(?m)^#{1,6} (.+)$");

    static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>();
        try (Stream<Path> top = Files.list(Path.of("."))) {
            top.map(Path::normalize).filter(PagesTest::isPage).forEach(pages::add);
        }
        for (String folder : List.of("docs", "examples", ".github")) {
            if (Files.isDirectory(Path.of(folder))) {
                try (Stream<Path> all = Files.walk(Path.of(folder))) {
                    all.filter(file -> isPage(file) && !file.toString().matches(".*/(target|node_modules)/.*")).forEach(pages::add);
                }
            }
        }
        assertThat(pages).contains(Path.of("README.md"), Path.of("docs/reference/properties.md"));
        return pages;
    }

    private static boolean isPage(Path file) {
        return file.toString().endsWith(".md");
    }

    /** A page without its blocks of code. */
    private static String prose(Path page) throws IOException {
        return FENCED.matcher(Files.readString(page)).replaceAll("");
    }

    /** The anchors that GitHub gives the headings of a page: lower case, without punctuation, a hyphen for each blank. */
    private static Set<String> anchors(Path page) throws IOException {
        Set<String> anchors = new HashSet<>();
        for (MatchResult heading : HEADING.matcher(prose(page)).results().toList()) {
            String name = heading.group(1).replaceAll("\\[([^]]*)]\\([^)]*\\)", "$1").toLowerCase(Locale.ROOT)
                    .replaceAll("[^\\p{L}\\p{N}_ -]", "").replace(' ', '-');
            String anchor = name;
            for (int again = 1; !anchors.add(anchor); again++) {
                anchor = name + "-" + again;
            }
        }
        return anchors;
    }

    @ParameterizedTest
    @MethodSource("pages")
    void linksToWhatExists(Path page) throws IOException {
        List<String> broken = new ArrayList<>();
        for (MatchResult link : LINK.matcher(prose(page)).results().toList()) {
            String[] parts = link.group(1).split("#", 2);
            if (parts[0].matches("[a-z]+:.*")) {
                continue;
            }
            Path target = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
            boolean found = Files.exists(target) && (parts.length == 1 || isPage(target) && anchors(target).contains(parts[1]));
            if (!found) {
                broken.add(link.group(1));
            }
        }
        assertThat(broken).as("broken links of %s", page).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("pages")
    void isShort(Path page) throws IOException {
        int most = page.equals(Readme.FILE) ? MOST_LINES_OF_THE_README : MOST_LINES;
        assertThat(Files.readAllLines(page)).as("lines of %s", page).hasSizeLessThanOrEqualTo(most);
    }
}
