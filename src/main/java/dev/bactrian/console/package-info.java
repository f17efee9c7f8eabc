/**
 * What the console of docs/reference/console.md shows: the requests in work and done, figures, health, and a feed of what changes
 * ({@link dev.bactrian.console.Console}). Internal. Uses {@code jms}, {@code observe} and below; knows nothing of HTTP.
 */
package dev.bactrian.console;
