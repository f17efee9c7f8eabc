/** Meters, spans and health checks. Internal. Uses {@code http}, {@code core} and below. */
package dev.bactrian.observe;
