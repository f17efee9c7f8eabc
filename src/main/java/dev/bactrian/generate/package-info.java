/**
 * What a request is once its model is known, whose account it uses, and the documents about it.
 * {@link dev.bactrian.generate.Account} and {@link dev.bactrian.generate.Headers} are for applications; the rest is internal.
 * Uses {@code request}, {@code model} and below.
 */
package dev.bactrian.generate;
