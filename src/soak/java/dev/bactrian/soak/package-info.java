/**
 * The soak: the service as a process under mixed work and mixed faults for so many minutes, every request accounted for at the
 * end. {@code make soak} builds and runs it; the build of Bactrian never sees it.
 */
package dev.bactrian.soak;
