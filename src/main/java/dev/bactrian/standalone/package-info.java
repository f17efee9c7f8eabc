/** The standalone service: {@code java -jar bactrian.jar}. Not in the library's jar. */
package dev.bactrian.standalone;
