/**
 * The {@code bactrian.*} properties: their names, forms and defaults, where they come from, and what is masked of them. Internal.
 * Uses {@code text} alone.
 */
package dev.bactrian.config;
