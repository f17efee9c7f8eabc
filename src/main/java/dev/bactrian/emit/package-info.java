/**
 * Emits chunks while an answer arrives, then its document and its images, to each destination. For applications:
 * {@link dev.bactrian.emit.ChunkStream}; the rest is internal. Uses {@code flow} and below.
 */
package dev.bactrian.emit;
