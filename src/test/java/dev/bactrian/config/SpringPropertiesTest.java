package dev.bactrian.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;

import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.spi.PropertiesSource;
import org.junit.jupiter.api.Test;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.core.env.MapPropertySource;

/** Spring's environment as Camel sees it. examples/spring-boot shows the same in Spring Boot. */
class SpringPropertiesTest {

    private static Settings settings(Map<String, Object> properties) throws Exception {
        try (AnnotationConfigApplicationContext spring = new AnnotationConfigApplicationContext();
                DefaultCamelContext camel = new DefaultCamelContext()) {
            spring.getEnvironment().getPropertySources().addFirst(new MapPropertySource("application.yml", properties));
            spring.register(SpringProperties.class);
            spring.refresh();
            camel.getRegistry().bind("spring", PropertiesSource.class, spring.getBean(PropertiesSource.class));
            camel.build();
            return Settings.of(camel);
        }
    }

    @Test
    void readsWhatSpringHolds() throws Exception {
        Settings settings = settings(Map.of("bactrian.upstage.api-key", "up_{{1}", "bactrian.retry.max-attempts", 7,
                "bactrian.file.enabled", false, "bactrian.emit.chunk", "${chunks}", "chunks", "direct:chunk"));

        assertThat(settings.text(Property.UPSTAGE_API_KEY)).contains("up_{{1}");
        assertThat(settings.count(Property.RETRY_MAX_ATTEMPTS)).isEqualTo(7);
        assertThat(settings.flag(Property.FILE_ENABLED)).isFalse();
        assertThat(settings.text(Property.EMIT_CHUNK)).contains("direct:chunk");
    }

    @Test
    void readsThePropertiesOfAProviderOfTheCatalogue() throws Exception {
        Settings settings = settings(Map.of("bactrian.groq.api-key", "gsk_1", "bactrian.ollama.api-endpoint", "http://localhost:11434/v1"));

        assertThat(settings.provider("groq", "http://localhost").keys()).containsExactly("gsk_1");
        assertThatThrownBy(() -> settings.requireProviders(Set.of("groq"))).hasMessageStartingWith("bactrian.ollama.api-endpoint: no such property");
        assertThatThrownBy(() -> settings(Map.of("bactrian.groq.apiKey", "gsk_1"))).hasMessageStartingWith("bactrian.groq.apiKey: no such property");
    }

    @Test
    void noticesAnUnknownProperty() {
        assertThatThrownBy(() -> settings(Map.of("bactrian.upstage.key", "up_1")))
                .isInstanceOf(SettingException.class).hasMessage("bactrian.upstage.key: no such property; did you mean bactrian.upstage.api-key?");
    }

    @Test
    void isFoundBySpringBoot() throws IOException {
        try (var file = getClass().getResourceAsStream("/META-INF/spring/org.springframework.boot.autoconfigure.AutoConfiguration.imports")) {
            assertThat(new String(file.readAllBytes(), StandardCharsets.UTF_8).trim()).isEqualTo(SpringProperties.class.getName());
        }
    }
}
