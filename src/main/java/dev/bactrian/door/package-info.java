/**
 * The HTTP door: OpenAI's API over the providers of the catalogue, for {@code routes/from-http.camel.yaml}. Internal. Uses {@code emit}
 * and below, and the optional camel-platform-http-main.
 */
package dev.bactrian.door;
