/** Apache Camel endpoints for generative models. This package holds only the version; the others are listed in docs/architecture.md. */
package dev.bactrian;
