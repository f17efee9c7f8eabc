/**
 * The {@code bactrian.*} properties: names, syntax, defaults and sources, and the masking of secrets. Internal. Uses {@code text} alone.
 */
package dev.bactrian.config;
