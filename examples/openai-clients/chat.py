"""A chat as it is written, an image, and the models to choose from: pip install openai, then python chat.py."""

from openai import NotFoundError, OpenAI

client = OpenAI()  # reads OPENAI_BASE_URL and OPENAI_API_KEY

messages = [{"role": "user", "content": "Why does a camel have humps?"}]
with client.chat.completions.create(model="solar-pro4", messages=messages, stream=True) as stream:
    for chunk in stream:
        if chunk.choices:
            print(chunk.choices[0].delta.content or "", end="", flush=True)
print()

image = client.images.generate(model="sd-3", prompt="a camel with two humps", size="1024x1024")
print(image.data[0].url)

print(", ".join(model.id for model in client.models.list()))

try:
    client.models.retrieve("three-humps")
except NotFoundError as error:
    print(error.status_code, error.message)
