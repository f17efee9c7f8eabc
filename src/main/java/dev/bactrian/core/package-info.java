/**
 * A request in work, {@link dev.bactrian.core.Job}, and what the rest of Bactrian knows of a provider: its calls
 * ({@link dev.bactrian.core.Provider}, {@link dev.bactrian.core.Provider.Access}), how far its work has come
 * ({@link dev.bactrian.core.Poll}), and what it has answered ({@link dev.bactrian.core.Answer}). Internal. Uses
 * {@code generate} and below; knows no provider.
 */
package dev.bactrian.core;
