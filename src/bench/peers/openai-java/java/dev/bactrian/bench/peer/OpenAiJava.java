package dev.bactrian.bench.peer;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import dev.bactrian.bench.ChatClient;

/**
 * {@code openai-java} with defaults: one client, its default HTTP client. Concurrent streams are read by one thread each; the
 * asynchronous client does the same internally, and was slower.
 */
public final class OpenAiJava implements ChatClient {

    private final OpenAIClient client;
    private final ChatCompletionCreateParams params = ChatCompletionCreateParams.builder()
            .model("solar-pro4").addUserMessage(QUESTION).build();

    /** Creates a client of the simulator at that URL. */
    public OpenAiJava(String url) {
        client = OpenAIOkHttpClient.builder().baseUrl(url + "/v1").apiKey("none").build();
    }

    @Override
    public int chat(Runnable first) {
        Count count = new Count(first);
        try (var answer = client.chat().completions().createStreaming(params)) {
            answer.stream().forEach(count::add);
        }
        return count.pieces;
    }

    /** Counts the pieces of one answer. */
    private static final class Count {
        private final Runnable first;
        private int pieces;

        Count(Runnable first) {
            this.first = first;
        }

        void add(ChatCompletionChunk chunk) {
            for (ChatCompletionChunk.Choice choice : chunk.choices()) {
                if (!choice.delta().content().orElse("").isEmpty() && pieces++ == 0) {
                    first.run();
                }
            }
        }
    }
}
