/** The services' limits on calls: who waits for them, and for how long. Internal. Uses {@code core} and below. */
package dev.bactrian.limit;
