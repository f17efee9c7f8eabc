package dev.bactrian.model;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.bactrian.text.OneLine;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * Reads YAML into maps, lists and strings. Scalars stay strings: {@code 4.10} is a string of four characters, not a number. An
 * alias refers to the same object as its anchor. Only {@code null} and an empty value are null.
 */
final class Yaml {

    /** Far more than a catalogue needs. */
    private static final int DEEPEST = 20;
    private static final int LONGEST = 1_000_000;
    private static final Object UNDER_WAY = new Object();

    private final Map<Node, Object> read = new IdentityHashMap<>();

    private Yaml() {
    }

    /**
     * Parses a text and returns its document, or null if it has none.
     *
     * @throws IllegalArgumentException if the text is not valid; the message says why
     */
    static Object read(String text) {
        if (text.length() > LONGEST) {
            throw new IllegalArgumentException("not a catalogue: longer than " + LONGEST + " characters");
        }
        try {
            return new Compose(LoadSettings.builder().build()).composeString(text).map(root -> new Yaml().value(root, 0)).orElse(null);
        } catch (MarkedYamlEngineException e) {
            throw new IllegalArgumentException("not YAML: " + e.getProblem() + e.getProblemMark().map(Yaml::line).orElse(""));
        } catch (StackOverflowError e) {
            throw new IllegalArgumentException("not a catalogue: nested deeper than " + DEEPEST + " levels");
        } catch (Unusable e) {
            throw e;
        } catch (RuntimeException e) {
            throw new IllegalArgumentException("not YAML: " + first(e));
        }
    }

    private static String first(RuntimeException e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private static String line(Mark mark) {
        return " (line " + (mark.getLine() + 1) + ")";
    }

    private Object value(Node node, int level) {
        if (node instanceof ScalarNode scalar) {
            return scalar.isPlain() && scalar.getTag().equals(Tag.NULL) ? null : scalar.getValue();
        }
        Object known = read.get(node);
        if (known == UNDER_WAY) {
            throw unusable("what an alias stands for holds itself", node);
        } else if (known != null) {
            return known;
        } else if (level >= DEEPEST) {
            throw unusable("nested deeper than " + DEEPEST + " levels", node);
        }
        read.put(node, UNDER_WAY);
        Object value = node instanceof MappingNode map ? map(map, level) : list((SequenceNode) node, level);
        read.put(node, value);
        return value;
    }

    private Map<String, Object> map(MappingNode node, int level) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (NodeTuple field : node.getValue()) {
            if (!(field.getKeyNode() instanceof ScalarNode key)) {
                throw unusable("the name of a field is not text", field.getKeyNode());
            } else if (map.containsKey(key.getValue())) {
                throw unusable("the field '" + key.getValue() + "' is given twice", key);
            }
            map.put(key.getValue(), value(field.getValueNode(), level + 1));
        }
        return map;
    }

    private List<Object> list(SequenceNode node, int level) {
        List<Object> list = new ArrayList<>();
        node.getValue().forEach(item -> list.add(value(item, level + 1)));
        return list;
    }

    private static Unusable unusable(String problem, Node where) {
        return new Unusable("not a catalogue: " + OneLine.escaped(problem) + where.getStartMark().map(Yaml::line).orElse(""));
    }

    private static final class Unusable extends IllegalArgumentException {
        private static final long serialVersionUID = 1L;

        Unusable(String message) {
            super(message);
        }
    }
}
