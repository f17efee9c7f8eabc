package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.Pattern;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The name of a test says the behaviour, in at most 60 characters. */
class TestNamesTest {

    /** From the annotation to the name of the method, with no blank line between. */
    private static final Pattern TEST = Pattern.compile("@(?:Parameterized|Repeated)?Test\\b(?:(?!\n\n).)*?\\bvoid (\\w+)\\(", Pattern.DOTALL);

    @ParameterizedTest
    @ValueSource(strings = {"src/test/java", "src/it", "examples"})
    void eachTestHasAShortNameInCamelCase(String folder) {
        List<String> names = Sources.in(folder).stream().map(Sources::text)
                .flatMap(source -> TEST.matcher(source).results().map(test -> test.group(1))).toList();

        assertThat(names).isNotEmpty().allSatisfy(name -> assertThat(name).hasSizeLessThanOrEqualTo(60).matches("[a-z][a-zA-Z0-9]*"));
    }
}
