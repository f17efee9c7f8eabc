package dev.bactrian.host;

import dev.bactrian.config.SettingException;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.diagnostics.FailureAnalyzer;

/**
 * In a Spring Boot application, which finds this class by itself: a start that fails because of a {@code bactrian.*}
 * property, or a route's name, is reported with the line that says so and not with a stack trace.
 */
public final class SpringFailures implements FailureAnalyzer {

    @Override
    public FailureAnalysis analyze(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof SettingException) {
                return new FailureAnalysis(cause.getMessage(), "Correct the property. docs/reference.md of Bactrian lists all of them.", cause);
            }
            if (cause instanceof RouteNames.DoubleEndpointException) {
                return new FailureAnalysis(cause.getMessage(), "Give the application's route another endpoint.", cause);
            }
        }
        return null;
    }
}
