package dev.bactrian.packaging;

import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A process of its own for an application that has none of the optional libraries on its class path. */
final class LightHost {

    private static final Pattern OPTIONAL = Pattern.compile(".*(camel-jms|artemis|pooled-jms|netty|jakarta\\.(jms|transaction|inject)"
            + "|HikariCP|resilience4j|postgresql-|/h2-|camel-spring|spring-"
            + "|camel-micrometer|camel-platform-http|camel-openapi|swagger|camel-telemetry|camel-opentelemetry|micrometer|prometheus|opentelemetry|vertx"
            + "|camel-kamelet-main|camel-jackson-(avro|protobuf)|avro|protobuf|camel-catalog|camel-management|camel-console|maven).*\\.jar");

    private LightHost() {
    }

    /** The process to be started, whose errors go where its output goes. */
    static ProcessBuilder of(Class<?> main, String logLevel, String... arguments) {
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !OPTIONAL.matcher(entry).matches()).collect(Collectors.joining(File.pathSeparator));
        ProcessBuilder builder = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", classPath, "-Dorg.slf4j.simpleLogger.defaultLogLevel=" + logLevel, main.getName()).redirectErrorStream(true);
        builder.command().addAll(List.of(arguments));
        return builder;
    }
}
