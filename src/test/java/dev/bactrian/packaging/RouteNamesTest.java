package dev.bactrian.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

/**
 * {@code ${variable.generation.id}} calls {@code id()} or {@code getId()}; of a class that has both, Camel takes the one
 * that the JVM lists first, and fails if it is the getter.
 */
class RouteNamesTest {

    private static List<String> classes() throws IOException {
        Path folder = Path.of("target/classes");
        try (Stream<Path> files = Files.walk(folder.resolve("dev/bactrian"))) {
            return files.map(file -> folder.relativize(file).toString()).filter(file -> file.endsWith(".class") && !file.endsWith("-info.class"))
                    .map(file -> file.replace(".class", "").replace('/', '.')).sorted().toList();
        }
    }

    @Test
    void hasOneReadingOfEachName() throws Exception {
        List<String> doubled = new ArrayList<>();
        for (String name : classes()) {
            if (ExecutorService.class.isAssignableFrom(Class.forName(name, false, getClass().getClassLoader()))) {
                continue; // its methods' names are the JDK's
            }
            Set<String> methods = Arrays.stream(Class.forName(name, false, getClass().getClassLoader()).getMethods())
                    .filter(method -> method.getParameterCount() == 0 && method.getDeclaringClass().getName().startsWith("dev.bactrian")).map(Method::getName).collect(Collectors.toSet());
            methods.stream().filter(method -> methods.contains(getter("get", method)) || methods.contains(getter("is", method)))
                    .forEach(method -> doubled.add(name + "." + method));
        }
        assertThat(doubled).as("have a getter of the same name: rename the method or the getter (a record component x and getX() are such a pair)")
                .isEmpty();
    }

    private static String getter(String prefix, String property) {
        return prefix + Character.toUpperCase(property.charAt(0)) + property.substring(1);
    }
}
