package dev.bactrian.host;

import dev.bactrian.config.SettingException;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.diagnostics.FailureAnalyzer;

/**
 * Spring Boot's failure analyzer for Bactrian: if a {@code bactrian.*} property or the name of a route stops the start, reports it
 * with one line instead of a stack trace. Spring Boot finds this class by itself.
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
