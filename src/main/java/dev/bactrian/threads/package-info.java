/** Thread pools for the routes, and the number of files and connections that the process may open. Internal. Uses no other package. */
package dev.bactrian.threads;
