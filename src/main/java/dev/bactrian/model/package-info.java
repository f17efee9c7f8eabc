/**
 * The catalogue of models: their ids, aliases and providers, and which of them a request may use. Internal, except
 * {@link dev.bactrian.model.Kind} and {@link dev.bactrian.model.Provider}. Uses {@code error}, {@code config} and {@code text}.
 */
package dev.bactrian.model;
