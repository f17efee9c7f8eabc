/** The services' limits on calls: which calls wait, and for how long. Internal. Uses {@code core} and below. */
package dev.bactrian.limit;
