/**
 * The HTTP client of the providers: connections, deadlines, event streams, room for answers, and what a failed call means.
 * Internal. Uses {@code limit}, {@code core} and below; knows no provider.
 */
package dev.bactrian.http;
