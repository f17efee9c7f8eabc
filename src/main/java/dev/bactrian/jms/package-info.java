/** The queue trigger and the embedded broker. Internal. Uses {@code replicate}, {@code emit} and below. */
package dev.bactrian.jms;
