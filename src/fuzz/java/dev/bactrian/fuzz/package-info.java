/**
 * The fuzz: a million event streams, requests and answers made at random, read by the classes of the jar, and held against
 * what must be true of each. {@code make fuzz} builds and runs it; the build of Bactrian never sees it.
 */
package dev.bactrian.fuzz;
