/**
 * The record of predictions in progress, in files, in a database or in a repository of the application.
 * {@link dev.bactrian.ledger.JdbcRecords} is for applications; the rest is internal. Uses {@code core} and below.
 */
package dev.bactrian.ledger;
