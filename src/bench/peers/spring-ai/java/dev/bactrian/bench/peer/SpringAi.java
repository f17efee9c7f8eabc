package dev.bactrian.bench.peer;

import java.util.concurrent.CompletableFuture;

import dev.bactrian.bench.ChatClient;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.prompt.Prompt;
import org.springframework.ai.openai.OpenAiChatModel;
import org.springframework.ai.openai.OpenAiChatOptions;

/** Spring AI with defaults: one model without an application context, its default HTTP client. */
public final class SpringAi implements ChatClient {

    private final OpenAiChatModel model;

    /** Creates a client of the simulator at that URL. */
    public SpringAi(String url) {
        model = OpenAiChatModel.builder()
                .options(OpenAiChatOptions.builder().baseUrl(url + "/v1").apiKey("none").model("solar-pro4").build())
                .build();
    }

    @Override
    public int chat(Runnable first) {
        return chatAsync(first).join();
    }

    @Override
    public CompletableFuture<Integer> chatAsync(Runnable first) {
        CompletableFuture<Integer> done = new CompletableFuture<>();
        Count count = new Count(first);
        model.stream(new Prompt(QUESTION)).subscribe(count::add, done::completeExceptionally, () -> done.complete(count.pieces));
        return done;
    }

    /** Counts the pieces of one answer. */
    private static final class Count {
        private final Runnable first;
        private int pieces;

        Count(Runnable first) {
            this.first = first;
        }

        void add(ChatResponse response) {
            if (response.getResult() != null) {
                String text = response.getResult().getOutput().getText();
                if (text != null && !text.isEmpty() && pieces++ == 0) {
                    first.run();
                }
            }
        }
    }
}
