/**
 * A request as it is read: its fields, its prompt, its id. For applications: {@link dev.bactrian.request.GenerateRequest},
 * {@link dev.bactrian.request.ChatMessage}; the rest is internal. Uses {@code model} and below.
 */
package dev.bactrian.request;
