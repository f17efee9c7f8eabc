package dev.bactrian.observe;

import dev.bactrian.core.Provider;
import dev.bactrian.generate.Generation;
import dev.bactrian.model.Kind;
import org.apache.camel.CamelContext;

/** The operation names of OpenTelemetry's semantic conventions for generative AI. */
final class Operation {

    private Operation() {
    }

    /** Returns the {@code gen_ai.operation.name} of a request. */
    static String of(CamelContext context, Generation generation) {
        Provider provider = Provider.of(context, generation.getProvider());
        return provider != null && !provider.isPolled() ? "chat"
                : generation.model().kind() == Kind.IMAGE ? "generate_content" : "text_completion";
    }
}
