/**
 * The record of predictions in progress: in files, in a database, or in a repository of the application. For applications:
 * {@link dev.bactrian.ledger.JdbcRecords}; the rest is internal. Uses {@code core} and below.
 */
package dev.bactrian.ledger;
