/**
 * The catalogue of models: their ids, aliases and providers, and the models that a request may use. For applications:
 * {@link dev.bactrian.model.Kind}, {@link dev.bactrian.model.ProviderName}; the rest is internal. Uses {@code error}, {@code config}
 * and {@code text}.
 */
package dev.bactrian.model;
