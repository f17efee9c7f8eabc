/**
 * Upstage and the other providers with OpenAI's chat completions: one call that streams its answer as server-sent events. Internal. Only
 * the Kamelets depend on it.
 */
package dev.bactrian.upstage;
