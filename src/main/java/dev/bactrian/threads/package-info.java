/** Thread pools for the routes, and the number of files and connections that the process may open. Internal. Uses {@code config}. */
package dev.bactrian.threads;
