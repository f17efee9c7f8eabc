/**
 * The HTTP client of the providers: connections, deadlines, event streams, memory limits, and the mapping of failed calls to
 * errors. Internal. Uses {@code limit}, {@code core} and below; knows no provider.
 */
package dev.bactrian.http;
