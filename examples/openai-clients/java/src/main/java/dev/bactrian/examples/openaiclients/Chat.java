package dev.bactrian.examples.openaiclients;

import java.util.stream.Collectors;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.http.StreamResponse;
import com.openai.errors.NotFoundException;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.images.ImageGenerateParams;
import com.openai.models.models.Model;

/** A chat as it is written, an image, and the models to choose from. */
public final class Chat {

    private Chat() {
    }

    public static void main(String[] args) {
        OpenAIClient client = OpenAIOkHttpClient.fromEnv(); // reads OPENAI_BASE_URL and OPENAI_API_KEY

        ChatCompletionCreateParams chat = ChatCompletionCreateParams.builder()
                .model("solar-pro4").addUserMessage("Why does a camel have humps?").build();
        try (StreamResponse<ChatCompletionChunk> stream = client.chat().completions().createStreaming(chat)) {
            stream.stream().flatMap(chunk -> chunk.choices().stream())
                    .forEach(choice -> System.out.print(choice.delta().content().orElse("")));
        }
        System.out.println();

        ImageGenerateParams image = ImageGenerateParams.builder()
                .model("sd-3").prompt("a camel with two humps").size(ImageGenerateParams.Size._1024X1024).build();
        client.images().generate(image).data().orElseThrow().forEach(made -> System.out.println(made.url().orElseThrow()));

        System.out.println(client.models().list().items().stream().map(Model::id).collect(Collectors.joining(", ")));

        try {
            client.models().retrieve("three-humps");
        } catch (NotFoundException e) {
            System.out.println(e.getMessage());
        }
        client.close();
    }
}
