/**
 * How failures are represented: error types, exceptions, and the text of a cause. For applications:
 * {@link dev.bactrian.error.GenerateException}, {@link dev.bactrian.error.ErrorType}; the rest is internal. Uses {@code text} and
 * {@code config}.
 */
package dev.bactrian.error;
