package dev.bactrian.bench.peer;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import dev.bactrian.bench.ChatClient;

/**
 * {@code openai-java} as it comes: one client, its default HTTP client. Many streams are read by a thread each: its
 * asynchronous client does the same within, and took longer.
 */
public final class OpenAiJava implements ChatClient {

    private final OpenAIClient client;
    private final ChatCompletionCreateParams params = ChatCompletionCreateParams.builder()
            .model("solar-pro4").addUserMessage(QUESTION).build();

    /** A client of the simulator at that address. */
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
