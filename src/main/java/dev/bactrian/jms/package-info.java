/** The queue trigger, and the broker inside the process. Internal. Uses {@code replicate}, {@code emit} and below. */
package dev.bactrian.jms;
