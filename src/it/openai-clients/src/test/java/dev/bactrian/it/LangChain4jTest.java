package dev.bactrian.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import java.util.function.Supplier;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.image.Image;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.HttpException;
import dev.langchain4j.model.catalog.ModelDescription;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiImageModel;
import dev.langchain4j.model.openai.OpenAiModelCatalog;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;

/** LangChain4j's client, over the HTTP client of the JDK. */
class LangChain4jTest extends AnyClientTest {

    LangChain4jTest() {
        super("solar-pro2");
    }

    @Override
    Client client(String baseUrl) {
        return new LangChain4j(baseUrl);
    }

    private static final class LangChain4j implements Client {

        private static final long LONGEST_WAIT = 60;

        private final String baseUrl;

        LangChain4j(String baseUrl) {
            this.baseUrl = baseUrl;
        }

        /** It retries at times of its own, and asks OpenAI's image models, which know no {@code response_format}. */
        @Override
        public boolean can(Ability ability) {
            return false;
        }

        private static <T> T raising(Supplier<T> call) {
            try {
                return call.get();
            } catch (RuntimeException e) {
                throw failure(e);
            }
        }

        private static Failure failure(Throwable e) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause instanceof HttpException http) {
                    return new Failure(http.statusCode(), null, e.getMessage(), e);
                }
            }
            return new Failure(0, null, e.getMessage(), e);
        }

        private static ChatRequest.Builder request(Question question) {
            ChatRequest.Builder request = ChatRequest.builder().messages(UserMessage.from(question.text()));
            return question.tool() ? request.toolSpecifications(tool()) : request;
        }

        private static ToolSpecification tool() {
            return ToolSpecification.builder().name(ToolCall.WEATHER).description("The weather in a city")
                    .parameters(JsonObjectSchema.builder().addStringProperty("city").build()).build();
        }

        private static Map<String, Object> more(Question question) {
            return question.n() > 1 ? Map.of("n", question.n()) : Map.of();
        }

        @Override
        public Answer chat(Question question) {
            return chat(question, request(question).build());
        }

        @Override
        public Answer chat(Question question, ToolCall call, String said) {
            ToolExecutionRequest asked = ToolExecutionRequest.builder().id(call.id()).name(call.name()).arguments(call.arguments()).build();
            return chat(question, ChatRequest.builder().toolSpecifications(tool())
                    .messages(UserMessage.from(question.text()), AiMessage.from(asked), ToolExecutionResultMessage.from(asked, said)).build());
        }

        private Answer chat(Question question, ChatRequest request) {
            OpenAiChatModel model = OpenAiChatModel.builder().baseUrl(baseUrl).apiKey(question.key()).modelName(question.model())
                    .temperature(0.2).seed(7).customParameters(more(question)).returnThinking(true)
                    .maxRetries(question.retries()).timeout(question.timeout()).build();
            return answer(raising(() -> model.chat(request)));
        }

        @Override
        public Answer stream(Question question, Predicate<String> pieces) {
            OpenAiStreamingChatModel model = OpenAiStreamingChatModel.builder().baseUrl(baseUrl).apiKey(question.key())
                    .modelName(question.model()).temperature(0.2).seed(7).customParameters(more(question)).returnThinking(true).build();
            CompletableFuture<Answer> end = new CompletableFuture<>();
            raising(() -> {
                model.chat(request(question).build(), new Handler(pieces, end));
                return null;
            });
            try {
                return end.get(LONGEST_WAIT, TimeUnit.SECONDS);
            } catch (ExecutionException e) {
                throw failure(e.getCause());
            } catch (InterruptedException | TimeoutException e) {
                throw new AssertionError("the stream has no end", e);
            }
        }

        private static final class Handler implements StreamingChatResponseHandler {

            private final Predicate<String> pieces;
            private final CompletableFuture<Answer> end;

            Handler(Predicate<String> pieces, CompletableFuture<Answer> end) {
                this.pieces = pieces;
                this.end = end;
            }

            @Override
            public void onPartialResponse(PartialResponse piece, PartialResponseContext context) {
                if (!pieces.test(piece.text())) {
                    context.streamingHandle().cancel();
                    end.complete(null);
                }
            }

            @Override
            public void onCompleteResponse(ChatResponse response) {
                end.complete(answer(response));
            }

            @Override
            public void onError(Throwable error) {
                end.completeExceptionally(error);
            }
        }

        private static Answer answer(ChatResponse response) {
            AiMessage message = response.aiMessage();
            String reason = response.finishReason() == FinishReason.TOOL_EXECUTION ? "tool_calls"
                    : String.valueOf(response.finishReason()).toLowerCase(Locale.ROOT);
            return new Answer(message.text() == null ? "" : message.text(), message.thinking() == null ? "" : message.thinking(), reason,
                    response.tokenUsage() == null ? null : Long.valueOf(response.tokenUsage().totalTokenCount()),
                    message.toolExecutionRequests().stream().map(call -> new ToolCall(call.id(), call.name(), call.arguments())).toList());
        }

        private OpenAiImageModel imageModel(Question question) {
            return OpenAiImageModel.builder().baseUrl(baseUrl).apiKey(question.key()).modelName(question.model())
                    .size("1024x1024").maxRetries(question.retries()).build();
        }

        @Override
        public String image(Question question, String format) {
            return raising(() -> imageModel(question).generate(question.text()).content().url().toString());
        }

        private static String base64(Path file) {
            try {
                return Base64.getEncoder().encodeToString(Files.readAllBytes(file));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public String edit(Question question, Path png) {
            Image image = Image.builder().base64Data(base64(png)).mimeType("image/png").build();
            return raising(() -> imageModel(question).edit(image, question.text()).content().url().toString());
        }

        @Override
        public List<String> models() {
            OpenAiModelCatalog catalog = OpenAiModelCatalog.builder().baseUrl(baseUrl).apiKey(Service.KEY).build();
            return raising(() -> catalog.listModels().stream().map(ModelDescription::name).toList());
        }

        @Override
        public String model(String id) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close() {
            // A model holds no connection of its own.
        }
    }
}
