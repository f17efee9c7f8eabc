/**
 * Batches: a file or message with one request per line. The requests are read as they are needed, and their outcomes are written in the
 * order of the lines. Internal. Uses {@code emit} and below.
 */
package dev.bactrian.batch;
