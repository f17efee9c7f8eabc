package dev.bactrian.routes.observe;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import dev.bactrian.config.Property;
import dev.bactrian.routes.support.RouteTestSupport;
import dev.bactrian.routes.support.Scrape;
import dev.bactrian.simulator.Call;
import dev.bactrian.simulator.Reply;
import dev.bactrian.text.ProviderJson;
import org.junit.jupiter.api.Test;

/** Every query of {@code examples/grafana/dashboard.json} names series and labels that a scrape has. */
class DashboardTest extends RouteTestSupport {

    private static final Pattern METRIC = Pattern.compile("(bactrian_\\w+)(?:\\{([^}]*)})?");
    private static final Pattern MATCHER = Pattern.compile("(\\w+)\\s*(=~|=)\\s*\"([^\"]*)\"");
    private static final Pattern GROUPING = Pattern.compile("\\bby \\(([^)]*)\\)");
    private static final Pattern LEGEND = Pattern.compile("\\{\\{(\\w+)}}");
    private static final Pattern VARIABLE = Pattern.compile("label_values\\((bactrian_\\w+)(?:\\{([^}]*)})?, (\\w+)\\)");

    @Test
    void asksForNothingThatIsNotThere() throws Exception {
        start(Stream.concat(Stream.of(Scrape.SERVED), Stream.of(Property.RETRY_MAX_ATTEMPTS.key(), "0")).toArray(String[]::new));
        generate("hi");
        simulator.on(Call.CHAT, Reply.status(500));
        generateFails("hi");
        generate("{\"model\": \"gemma-2b\", \"prompt\": \"hi\"}");
        simulator.on(Call.CREATE, Reply.predictionError("failed", "\"no\""));
        generateFails("{\"model\": \"sd-3\", \"prompt\": \"hi\"}");
        simulator.on(Call.CHAT, Reply.status(500));
        generate("{\"prompt\": \"hi\", \"fallback\": [\"solar-mini4\"]}");
        takeChunks();
        Map<String, List<Map<String, String>>> series = new HashMap<>();
        Scrape.of(context()).samples().keySet().forEach(one -> series.computeIfAbsent(one.name(), name -> new ArrayList<>()).add(one.labels()));

        JsonNode dashboard = ProviderJson.json(Files.readString(Path.of("examples/grafana/dashboard.json"))).orElseThrow();
        Set<String> asked = new TreeSet<>();
        for (JsonNode target : dashboard.findValues("targets").stream().flatMap(targets -> targets.valueStream()).toList()) {
            String query = target.path("expr").asText();
            List<String> names = check(series, query);
            asked.addAll(names);
            Set<String> grouped = GROUPING.matcher(query).results().flatMap(by -> Stream.of(by.group(1).split(", "))).collect(Collectors.toSet());
            assertThat(LEGEND.matcher(target.path("legendFormat").asText()).results().map(legend -> legend.group(1)))
                    .as("legend of %s", query).allMatch(grouped::contains);
            for (String label : grouped) {
                assertThat(names).as("%s of %s", label, query)
                        .allMatch(name -> series.get(name).stream().allMatch(labels -> labels.containsKey(label)));
            }
        }
        for (JsonNode variable : dashboard.at("/templating/list")) {
            Matcher values = VARIABLE.matcher(variable.path("query").path("query").asText());
            if (variable.path("type").asText().equals("query")) {
                assertThat(values.matches()).as(variable.toString()).isTrue();
                check(series, values.group());
                assertThat(series.get(values.group(1))).allMatch(labels -> labels.containsKey(values.group(3)));
            }
        }

        series.remove("bactrian_looks_total"); // the former name of bactrian_polls_total
        assertThat(families(series.keySet())).as("meters that no panel shows").isEqualTo(families(asked));
        assertThat(Files.readString(Path.of("docs/reference/observability.md"))).contains(families(asked).stream().map(name -> "| `" + name.replace('_', '.') + "` |").toList());
    }

    /** The series that a query names, each of which must be there with labels that its matchers match. */
    private static List<String> check(Map<String, List<Map<String, String>>> series, String query) {
        List<String> names = new ArrayList<>();
        Matcher metric = METRIC.matcher(query);
        while (metric.find()) {
            String name = metric.group(1);
            assertThat(series).as(query).containsKey(name);
            List<LabelMatcher> matchers = MATCHER.matcher(metric.group(2) == null ? "" : metric.group(2)).results()
                    .map(match -> new LabelMatcher(match.group(1), match.group(2), match.group(3).replaceAll("\\$\\w+", ".*"))).toList();
            assertThat(series.get(name)).as("%s of %s", name, query).anyMatch(labels -> matchers.stream().allMatch(matcher -> matcher.matches(labels)));
            names.add(name);
        }
        assertThat(names).as(query).isNotEmpty();
        return names;
    }

    private record LabelMatcher(String label, String operator, String value) {

        boolean matches(Map<String, String> labels) {
            String there = labels.get(label);
            return there != null && (operator.equals("=") ? there.equals(value) : there.matches(value));
        }
    }

    /** The meters behind series, without what Prometheus makes of them. */
    private static Set<String> families(Set<String> names) {
        return names.stream().filter(name -> name.startsWith("bactrian_")).map(name -> name.replaceAll("(_seconds)?(_count|_sum|_max|_bucket|_total)?$", ""))
                .collect(Collectors.toCollection(TreeSet::new));
    }
}
