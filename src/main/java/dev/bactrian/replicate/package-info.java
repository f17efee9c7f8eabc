/**
 * The provider Replicate: a prediction is created and polled, its text may be streamed, and a webhook may report its end. Internal. Of
 * the other packages only {@code jms} depends on it, for the messages that contain a prediction between two polls.
 */
package dev.bactrian.replicate;
