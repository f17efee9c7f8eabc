package dev.bactrian.bench;

/** One part of the benchmark, which makes one table. */
interface Section {

    Table run() throws Exception;
}
