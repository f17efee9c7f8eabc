/** A simulator of Replicate and Upstage: a real HTTP server on loopback, with faults on demand. */
package dev.bactrian.simulator;
