package dev.bactrian.examples.springboot;

import org.apache.camel.ProducerTemplate;
import org.springframework.boot.ApplicationRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** Asks what its arguments say and ends. */
@SpringBootApplication
public class Application {

    public static void main(String[] args) {
        SpringApplication.run(Application.class, args).close();
    }

    @Bean
    ApplicationRunner ask(ProducerTemplate camel) {
        return args -> {
            if (!args.getNonOptionArgs().isEmpty()) {
                System.out.println(camel.requestBody("direct:ask", String.join(" ", args.getNonOptionArgs()), String.class));
            }
        };
    }
}
