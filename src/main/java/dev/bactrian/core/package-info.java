/**
 * The state of a request, {@link dev.bactrian.core.Job}, and the interfaces to a provider: its calls ({@link dev.bactrian.core.Provider},
 * {@link dev.bactrian.core.Provider.Access}), the state of its work ({@link dev.bactrian.core.Poll}), and its answer
 * ({@link dev.bactrian.core.Answer}). Internal. Uses {@code generate} and below; knows no provider.
 */
package dev.bactrian.core;
