/**
 * A request as it is read: its fields, its prompt, its id. {@link dev.bactrian.request.GenerateRequest} and
 * {@link dev.bactrian.request.ChatMessage} are for applications; the rest is internal. Uses {@code model} and below.
 */
package dev.bactrian.request;
