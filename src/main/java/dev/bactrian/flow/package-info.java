/**
 * The steps that all providers share, as {@code routes/generate.camel.yaml} and {@code routes/errors.camel.yaml} name them: a
 * request is read and admitted, failed calls are repeated, and the result or error document is made. Internal. Uses
 * {@code observe}, {@code ledger}, {@code http}, {@code limit}, {@code core} and below; knows no provider.
 */
package dev.bactrian.flow;
