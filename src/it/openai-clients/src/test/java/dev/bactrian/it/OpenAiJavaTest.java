package dev.bactrian.it;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.OpenAIException;
import com.openai.errors.OpenAIServiceException;
import com.openai.helpers.ChatCompletionAccumulator;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionAssistantMessageParam;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionMessageFunctionToolCall;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.chat.completions.ChatCompletionToolMessageParam;
import com.openai.models.images.Image;
import com.openai.models.images.ImageEditParams;
import com.openai.models.images.ImageGenerateParams;
import com.openai.models.models.Model;

/** {@code com.openai:openai-java}, OpenAI's own client for Java, over OkHttp. */
class OpenAiJavaTest extends AnyClientTest {

    OpenAiJavaTest() {
        super("solar-mini4");
    }

    @Override
    Client client(String baseUrl) {
        return new OpenAiJava(baseUrl);
    }

    /** The deprecated: what OpenAI has given up, and what the client has no method for. */
    @SuppressWarnings("deprecation")
    private static final class OpenAiJava implements Client {

        private final OpenAIClient client;

        OpenAiJava(String baseUrl) {
            client = OpenAIOkHttpClient.builder().baseUrl(baseUrl).apiKey(Service.KEY).maxRetries(0).build();
        }

        private OpenAIClient client(Question question) {
            return client.withOptions(options -> options.apiKey(question.key()).maxRetries(question.retries()).timeout(question.timeout()));
        }

        private static <T> T raising(Supplier<T> call) {
            try {
                return call.get();
            } catch (OpenAIServiceException e) {
                throw new Failure(e.statusCode(), e.code().orElse(null), e.getMessage(), e);
            } catch (OpenAIException e) {
                throw new Failure(0, null, e.getMessage(), e);
            }
        }

        private static ChatCompletionCreateParams.Builder params(Question question) {
            ChatCompletionCreateParams.Builder params = ChatCompletionCreateParams.builder().model(question.model())
                    .addUserMessage(question.text()).temperature(0.2).seed(7);
            if (question.n() > 1) {
                params.n(question.n());
            }
            if (question.tool()) {
                params.addFunctionTool(FunctionDefinition.builder().name(ToolCall.WEATHER).description("The weather in a city")
                        .parameters(FunctionParameters.builder()
                                .putAdditionalProperty("type", JsonValue.from("object"))
                                .putAdditionalProperty("properties", JsonValue.from(Map.of("city", Map.of("type", "string"))))
                                .build())
                        .build());
            }
            return params;
        }

        @Override
        public Answer chat(Question question) {
            return answer(raising(() -> client(question).chat().completions().create(params(question).build())));
        }

        @Override
        public Answer chat(Question question, ToolCall call, String said) {
            ChatCompletionCreateParams params = params(question)
                    .addMessage(ChatCompletionAssistantMessageParam.builder()
                            .addToolCall(ChatCompletionMessageFunctionToolCall.builder().id(call.id())
                                    .function(ChatCompletionMessageFunctionToolCall.Function.builder()
                                            .name(call.name()).arguments(call.arguments()).build())
                                    .build())
                            .build())
                    .addMessage(ChatCompletionToolMessageParam.builder().toolCallId(call.id()).content(said).build())
                    .build();
            return answer(raising(() -> client(question).chat().completions().create(params)));
        }

        private static Answer answer(ChatCompletion completion) {
            return answer(completion, reasoning(completion.choices().get(0).message()._additionalProperties()));
        }

        @Override
        public Answer stream(Question question, Predicate<String> pieces) {
            ChatCompletionCreateParams params = params(question)
                    .streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build()).build();
            ChatCompletionAccumulator accumulator = ChatCompletionAccumulator.create();
            StringBuilder reasoning = new StringBuilder();
            return raising(() -> {
                try (StreamResponse<ChatCompletionChunk> stream = client(question).chat().completions().createStreaming(params)) {
                    for (ChatCompletionChunk chunk : (Iterable<ChatCompletionChunk>) stream.stream()::iterator) {
                        accumulator.accumulate(chunk);
                        for (ChatCompletionChunk.Choice choice : chunk.choices()) {
                            reasoning.append(reasoning(choice.delta()._additionalProperties()));
                            String piece = choice.delta().content().orElse("");
                            if (!piece.isEmpty() && !pieces.test(piece)) {
                                return null;
                            }
                        }
                    }
                    return answer(accumulator.chatCompletion(), reasoning.toString());
                }
            });
        }

        private static String reasoning(Map<String, JsonValue> fields) {
            JsonValue reasoning = fields.get("reasoning_content");
            return reasoning == null ? "" : reasoning.convert(String.class);
        }

        private static Answer answer(ChatCompletion completion, String reasoning) {
            ChatCompletion.Choice choice = completion.choices().get(0);
            List<ToolCall> calls = new ArrayList<>();
            choice.message().toolCalls().orElse(List.of()).forEach(call -> calls.add(
                    new ToolCall(call.asFunction().id(), call.asFunction().function().name(), call.asFunction().function().arguments())));
            return new Answer(choice.message().content().orElse(""), reasoning, choice.finishReason().asString(),
                    completion.usage().map(usage -> usage.totalTokens()).orElse(null), calls);
        }

        @Override
        public String image(Question question, String format) {
            Image image = raising(() -> client(question).images().generate(ImageGenerateParams.builder()
                    .model(question.model()).prompt(question.text()).size(ImageGenerateParams.Size._1024X1024)
                    .responseFormat(ImageGenerateParams.ResponseFormat.of(format)).build())).data().orElseThrow().get(0);
            return format.equals("url") ? image.url().orElseThrow() : image.b64Json().orElseThrow();
        }

        @Override
        public String edit(Question question, Path png) {
            return raising(() -> client(question).images().edit(ImageEditParams.builder()
                    .model(question.model()).prompt(question.text()).image(png).build())).data().orElseThrow().get(0).url().orElseThrow();
        }

        @Override
        public List<String> models() {
            return raising(() -> client.models().list().items().stream().map(Model::id).toList());
        }

        @Override
        public String model(String id) {
            return raising(() -> client.models().retrieve(id).id());
        }

        @Override
        public void close() {
            client.close();
        }
    }
}
