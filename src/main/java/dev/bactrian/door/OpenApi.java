package dev.bactrian.door;

import dev.bactrian.config.Settings;
import dev.bactrian.core.Steps;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;

/** The description of the door by OpenAPI. */
public final class OpenApi implements CamelContextAware {

    private CamelContext camelContext;
    private volatile byte[] document;

    @Override
    public CamelContext getCamelContext() {
        return camelContext;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        camelContext = context;
        Steps.of(context, "bactrianOpenApi", OpenApi.class).step("answer", OpenApi::answer);
    }

    /**
     * Answers with the description.
     *
     * @throws Refusal 404 if camel-openapi-java is not there
     */
    public void answer(Exchange exchange) throws Exception {
        byte[] known = document;
        if (known == null) {
            known = write();
            document = known;
        }
        Call.of(exchange).answer(exchange, 200, Answers.JSON, known);
    }

    private byte[] write() throws Exception {
        try {
            return Answers.bytes(OpenApiDocument.of(camelContext, Callers.of(Settings.of(camelContext)).needKey()));
        } catch (NoClassDefFoundError e) {
            throw new Refusal(404, "not-found", "there is no description, because camel-openapi-java is not on the class path");
        }
    }
}
