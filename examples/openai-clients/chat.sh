#!/bin/sh
# A chat as it is written, an image, and the models to choose from.
set -eu

call() {
  path=$1
  shift
  curl --silent --show-error --fail-with-body --no-buffer --header "Authorization: Bearer $OPENAI_API_KEY" "$OPENAI_BASE_URL/$path" "$@"
}
json='Content-Type: application/json'

call chat/completions --header "$json" --data '{"model": "solar-pro4", "stream": true,
  "messages": [{"role": "user", "content": "Why does a camel have humps?"}]}'

call images/generations --header "$json" --data '{"model": "sd-3", "prompt": "a camel with two humps", "size": "1024x1024"}'
echo

call models
echo

call models/three-humps || echo
