package dev.bactrian.bench;

/** A part of the benchmark, with one table. */
interface Section {

    Table run() throws Exception;
}
