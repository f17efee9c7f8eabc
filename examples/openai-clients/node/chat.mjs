// A chat as it is written, an image, and the models to choose from.
import OpenAI from "openai";

const client = new OpenAI(); // reads OPENAI_BASE_URL and OPENAI_API_KEY

const messages = [{ role: "user", content: "Why does a camel have humps?" }];
const stream = await client.chat.completions.create({ model: "solar-pro4", messages, stream: true });
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
}
console.log();

const image = await client.images.generate({ model: "sd-3", prompt: "a camel with two humps", size: "1024x1024" });
console.log(image.data[0].url);

const models = await client.models.list();
console.log(models.data.map((model) => model.id).join(", "));

await client.models.retrieve("three-humps").catch((error) => console.log(error.message));
