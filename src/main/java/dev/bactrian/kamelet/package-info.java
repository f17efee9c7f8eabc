/** The Java part of the Kamelets. Internal. Uses {@code host}, {@code emit} and below. */
package dev.bactrian.kamelet;
