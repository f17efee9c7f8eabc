/** Generative models behind Apache Camel endpoints. */
package dev.bactrian;
