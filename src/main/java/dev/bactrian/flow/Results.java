package dev.bactrian.flow;

import java.util.List;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.bactrian.config.Settings;
import dev.bactrian.core.Job;
import dev.bactrian.cost.Costs;
import dev.bactrian.generate.Documents;
import dev.bactrian.generate.Generation;
import dev.bactrian.observe.Observer;
import dev.bactrian.text.LongText;
import dev.bactrian.text.OneLineLogger;
import dev.bactrian.text.OutgoingJson;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;

/** Makes the result document of a successful request. */
public final class Results implements Processor {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.requests");

    /** Sets the body to the result document and the headers to those of a result; removes all other headers. */
    @Override
    public void process(Exchange exchange) {
        Job job = Job.of(exchange);
        Generation generation = job.generation();
        ObjectNode answer = job.answer().answer();
        if (job.poll() != null) {
            answer.set("prediction", job.poll().document());
        }
        if (!job.isTextKept()) {
            answer.remove("text");
        }
        Settings settings = Settings.of(exchange.getContext()).account(generation.account());
        ObjectNode document = (ObjectNode) OutgoingJson.of(Documents.result(generation, answer), settings::masked);
        Costs costs = Costs.of(exchange.getContext());
        if (costs != null) {
            costs.ended(job, document, job.answer());
        }
        if (job.progress() != null && job.isTextKept()) {
            job.progress().text(document.path("text").asText());
        }
        LongText written = Documents.written(document);
        // Release the text before the document becomes a string, so that a long text is in memory only once.
        List.of(answer, document).forEach(node -> node.remove("text"));
        job.answer().forget();
        exchange.getMessage().setBody(written.toString());
        Observer.of(exchange.getContext()).ended(exchange, generation, document, document.path("chunks").asInt());
        job.summarize(Documents.summary(document));
        LOG.info("{}: succeeded, {}", generation.id(), job.summary());
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().getHeaders().putAll(Documents.headers(generation, answer.path("kind").asText(), "succeeded"));
    }
}
