/**
 * The services' limits on calls: which calls wait, and for how long; the circuit breakers. Internal. Uses {@code core} and below.
 */
package dev.bactrian.limit;
