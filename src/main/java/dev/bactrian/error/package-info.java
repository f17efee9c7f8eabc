/**
 * What goes wrong, as the rest of the code and the caller see it: types of errors, their exceptions, and the words of a cause.
 * For applications: {@link dev.bactrian.error.GenerateException}, {@link dev.bactrian.error.ErrorType}; the rest is internal.
 * Uses {@code text} and {@code config}.
 */
package dev.bactrian.error;
