/** Isolates the routes from their host application, and reports to it why it cannot start. Internal. */
package dev.bactrian.host;
