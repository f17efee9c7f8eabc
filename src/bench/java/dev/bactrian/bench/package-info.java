/** The benchmark: Bactrian compared with a bare JDK client and other libraries, against the simulator. Not part of the library. */
package dev.bactrian.bench;
