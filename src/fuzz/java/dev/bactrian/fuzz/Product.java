package dev.bactrian.fuzz;

import java.util.Properties;

import dev.bactrian.flow.Requests;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.replicate.Replicate;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.upstage.Upstage;
import org.apache.camel.impl.DefaultCamelContext;

/** The beans of the routes, as the routes use them, without routes around them. */
final class Product {

    static final Model CHAT = new Model(ProviderName.UPSTAGE, "solar-pro4", Kind.TEXT, "solar-pro4");
    static final Model TEXT = new Model(ProviderName.REPLICATE, "google-deepmind/gemma-2b-it", Kind.TEXT, "dff94e");
    static final Model IMAGE = new Model(ProviderName.REPLICATE, "stability-ai/stable-diffusion-3", Kind.IMAGE, "527d26");
    static final Model ANY = new Model(ProviderName.REPLICATE, "someone/something", null, "someone/something");

    static final DefaultCamelContext CONTEXT = new DefaultCamelContext();
    static final Upstage UPSTAGE = new Upstage();
    static final Replicate REPLICATE = new Replicate();
    static final Requests INTAKE = new Requests();

    static {
        Properties properties = new Properties();
        properties.setProperty("bactrian.upstage.api-endpoint", "http://localhost:1/v1/chat/completions");
        properties.setProperty("bactrian.replicate.api-endpoint", "http://localhost:1/v1/predictions");
        properties.setProperty("bactrian.replicate.poll-endpoint", "http://localhost:1/v1/predictions/{id}");
        properties.setProperty("bactrian.models", "classpath:bactrian/models.yaml");
        CONTEXT.getPropertiesComponent().setInitialProperties(properties);
        UPSTAGE.setCamelContext(CONTEXT);
        REPLICATE.setCamelContext(CONTEXT);
        INTAKE.setCamelContext(CONTEXT);
        INTAKE.start();
    }

    private Product() {
    }

    /** A request in work. */
    static Generation generation(Model model) {
        return Generation.begin("fuzz", GenerateRequest.ofPrompt("a camel"), model, false, "");
    }
}
