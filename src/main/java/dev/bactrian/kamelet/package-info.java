/** What the Kamelets need in Java. Internal. Uses {@code host}, {@code emit} and below. */
package dev.bactrian.kamelet;
