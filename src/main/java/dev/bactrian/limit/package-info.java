/** The services' limits on calls: who waits for them, and for how long. */
package dev.bactrian.limit;
