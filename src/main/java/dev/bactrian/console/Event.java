package dev.bactrian.console;

/**
 * An event of the feed, as docs/reference/console.md describes it.
 *
 * @param name {@code snapshot}, {@code request}, {@code text}, {@code done}, {@code figures} or {@code health}
 * @param data JSON in one line
 */
public record Event(String name, String data) {
}
