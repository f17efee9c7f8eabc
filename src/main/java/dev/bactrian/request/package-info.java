/**
 * Requests: their fields, prompts and ids, and how they are read. For applications: {@link dev.bactrian.request.GenerateRequest},
 * {@link dev.bactrian.request.ChatMessage}; the rest is internal. Uses {@code model} and below.
 */
package dev.bactrian.request;
