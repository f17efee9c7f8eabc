package dev.bactrian.ledger;

import java.time.Instant;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A create that is about to be sent, as the ledger records it: {@code ?<milliseconds since 1970> <hash>}, and the
 * name of the token if there are several. The question mark is part of
 * no id, so that versions without intents take such a record for none.
 *
 * @param since when it was sent, or a little earlier
 * @param hash  the hash of its input
 * @param token the name of the token that it is sent with, or null if there is only one
 */
public record Intent(Instant since, String hash, String token) {

    private static final Pattern FORM = Pattern.compile("\\?([0-9]{1,15}) ([0-9a-f]{1,64})(?: ([0-9a-f]{24}))?");

    static Optional<Intent> read(String value) {
        Matcher form = FORM.matcher(value);
        return form.matches() ? Optional.of(new Intent(Instant.ofEpochMilli(Long.parseLong(form.group(1))), form.group(2), form.group(3))) : Optional.empty();
    }

    String written() {
        return "?" + since.toEpochMilli() + " " + hash + (token == null ? "" : " " + token);
    }
}
