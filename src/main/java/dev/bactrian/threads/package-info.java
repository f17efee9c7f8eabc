/** Pools for the routes, and how many files and connections the process may open. Internal. Uses no other package. */
package dev.bactrian.threads;
