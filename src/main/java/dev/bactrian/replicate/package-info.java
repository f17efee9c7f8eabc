/**
 * The provider Replicate: a prediction is created and polled, its text may stream, a webhook may tell its end. Internal. Of the
 * other packages {@code jms} alone knows it, for the messages that hold a prediction between two polls.
 */
package dev.bactrian.replicate;
