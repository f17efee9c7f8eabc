/**
 * A request with its resolved model, its account, and the result and error documents. For applications:
 * {@link dev.bactrian.generate.Account}, {@link dev.bactrian.generate.Headers}; the rest is internal. Uses {@code request}, {@code model}
 * and below.
 */
package dev.bactrian.generate;
