/** What requests cost, and the budgets that limit it. Internal. Uses {@code ledger}, {@code core} and below. */
package dev.bactrian.cost;
