package dev.bactrian.examples.springboot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Map;

import dev.bactrian.config.Property;
import dev.bactrian.config.Settings;
import org.apache.camel.CamelContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;

/** Bactrian's properties are Spring's: from application.yml, the environment and the command line, in any spelling. */
@ExtendWith(OutputCaptureExtension.class)
class SettingsTest {

    private static ConfigurableApplicationContext start(Map<String, Object> environment, String... arguments) {
        return new SpringApplicationBuilder(Application.class).initializers(spring -> spring.getEnvironment().getPropertySources()
                .replace(StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME,
                        new SystemEnvironmentPropertySource(StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME, environment))).run(arguments);
    }

    @Test
    void comeFromWhereverSpringLooks() {
        Map<String, Object> environment = Map.of("BACTRIAN_UPSTAGE_API_KEY", "up_environment", "BACTRIAN_MAX_IN_FLIGHT", "7");
        try (var spring = start(environment, "--bactrian.replicate.apiToken=r8_{{1}", "--bactrian.replicate.pollDelay=2s")) {
            Settings settings = Settings.of(spring.getBean(CamelContext.class));

            assertThat(settings.text(Property.UPSTAGE_API_KEY)).contains("up_environment");
            assertThat(settings.count(Property.MAX_IN_FLIGHT)).isEqualTo(7);
            assertThat(settings.text(Property.REPLICATE_API_TOKEN)).contains("r8_{{1}");
            assertThat(settings.duration(Property.REPLICATE_POLL_DELAY)).isEqualTo(Duration.ofSeconds(2));
            assertThat(settings.duration(Property.RESPONSE_TIMEOUT)).as("application.yml").isEqualTo(Duration.ofSeconds(30));
            assertThat(settings.count(Property.RETRY_MAX_ATTEMPTS)).as("a number").isEqualTo(2);
            assertThat(settings.flag(Property.FILE_ENABLED)).as("a boolean").isFalse();
        }
    }

    @Test
    void thatThereAreNoneOfStopTheStartWithOneLine(CapturedOutput output) {
        assertThatThrownBy(() -> start(Map.of(), "--bactrian.upstage.key=up_1").close())
                .hasStackTraceContaining("bactrian.upstage.key: no such property; did you mean bactrian.upstage.api-key?");

        assertThat(output.toString().lines()).contains("bactrian.upstage.key: no such property; did you mean bactrian.upstage.api-key?");
        assertThat(output).contains("APPLICATION FAILED TO START").doesNotContain("\tat ");
    }
}
