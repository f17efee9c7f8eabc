/**
 * What a request is once its model is known, whose account it uses, and the documents about it.
 * For applications: {@link dev.bactrian.generate.Account}, {@link dev.bactrian.generate.Headers}; the rest is internal.
 * Uses {@code request}, {@code model} and below.
 */
package dev.bactrian.generate;
