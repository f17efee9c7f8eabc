// The npm package openai, for NodeTest: takes a call a line from standard input, as JSON, and tells what came of it. After each
// piece of a stream it reads whether to go on.
import OpenAI, { toFile } from "openai";
import { File } from "node:buffer";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

globalThis.File ??= File; // which Node 18 has not

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const tell = (message) => console.log(JSON.stringify(message));

const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
};

function params({ model, text, n, tool }) {
  return {
    model,
    messages: [{ role: "user", content: text }],
    temperature: 0.2,
    seed: 7,
    ...(n > 1 && { n }),
    ...(tool && { tools: [weather] }),
  };
}

function answer({ choices: [{ message, finish_reason }], usage }) {
  return {
    text: message.content ?? "",
    reasoning: message.reasoning_content ?? "",
    reason: finish_reason,
    tokens: usage?.total_tokens ?? null,
    tools: (message.tool_calls ?? []).map(({ id, function: { name, arguments: args } }) => ({ id, name, arguments: args })),
  };
}

const calls = {
  async chat(client, call) {
    return answer(await client.chat.completions.create(params(call)));
  },

  async tool(client, call) {
    const { id, name, arguments: args } = call.called;
    const asked = { role: "assistant", content: null, tool_calls: [{ id, type: "function", function: { name, arguments: args } }] };
    const said = { role: "tool", tool_call_id: id, content: call.said };
    const { messages, ...others } = params(call);
    return answer(await client.chat.completions.create({ messages: [...messages, asked, said], ...others }));
  },

  async stream(client, call) {
    const stream = await client.chat.completions.create({ ...params(call), stream: true, stream_options: { include_usage: true } });
    const message = { content: "", reasoning_content: "", tool_calls: [] };
    let finish_reason, usage;
    for await (const chunk of stream) {
      usage = chunk.usage ?? usage;
      for (const { delta, finish_reason: reason } of chunk.choices) {
        finish_reason = reason ?? finish_reason;
        message.reasoning_content += delta.reasoning_content ?? "";
        for (const { index, id, function: { name, arguments: args } } of delta.tool_calls ?? []) {
          const tool = (message.tool_calls[index] ??= { id, function: { name, arguments: "" } });
          tool.function.arguments += args ?? "";
        }
        if (delta.content) {
          message.content += delta.content;
          tell({ piece: delta.content });
          if ((await lines.next()).value === "stop") {
            return null;
          }
        }
      }
    }
    return answer({ choices: [{ message, finish_reason }], usage });
  },

  async image(client, { model, text, format }) {
    const { data } = await client.images.generate({ model, prompt: text, size: "1024x1024", response_format: format });
    return data[0][format];
  },

  async edit(client, { model, text, png }) {
    const image = await toFile(createReadStream(png), "camel.png", { type: "image/png" });
    const { data } = await client.images.edit({ model, prompt: text, image });
    return data[0].url;
  },

  async models(client) {
    const ids = [];
    for await (const { id } of client.models.list()) {
      ids.push(id);
    }
    return ids;
  },

  async model(client, { id }) {
    return (await client.models.retrieve(id)).id;
  },
};

for await (const line of lines) {
  const call = JSON.parse(line);
  try {
    const client = new OpenAI({ apiKey: call.key, maxRetries: call.retries ?? 0, timeout: (call.seconds ?? 60) * 1000 });
    tell({ done: await calls[call.call](client, call) });
  } catch (error) {
    const { status = 0, code = null, message, stack } = error;
    tell(error instanceof OpenAI.APIError ? { failed: { status, code, message } } : { broken: stack });
  }
}
