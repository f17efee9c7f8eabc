package dev.bactrian.bench.peer;

import java.util.concurrent.CompletableFuture;

import dev.bactrian.bench.ChatClient;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;

/** {@code langchain4j-open-ai} with defaults: one model, its default HTTP client. */
public final class LangChain4j implements ChatClient {

    private final StreamingChatModel model;

    /** Creates a client of the simulator at that URL. */
    public LangChain4j(String url) {
        model = OpenAiStreamingChatModel.builder().baseUrl(url + "/v1").apiKey("none").modelName("solar-pro4").build();
    }

    @Override
    public int chat(Runnable first) {
        return chatAsync(first).join();
    }

    @Override
    public CompletableFuture<Integer> chatAsync(Runnable first) {
        CompletableFuture<Integer> done = new CompletableFuture<>();
        model.chat(QUESTION, new StreamingChatResponseHandler() {
            private int pieces;

            @Override
            public void onPartialResponse(String piece) {
                if (pieces++ == 0) {
                    first.run();
                }
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                done.complete(pieces);
            }

            @Override
            public void onError(Throwable error) {
                done.completeExceptionally(error);
            }
        });
        return done;
    }
}
