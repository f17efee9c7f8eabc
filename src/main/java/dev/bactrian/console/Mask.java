package dev.bactrian.console;

import java.util.function.BiFunction;

import dev.bactrian.config.Settings;
import dev.bactrian.text.OneLine;

/** Masks the keys of the application and of its accounts in text that is shown. */
final class Mask {

    private final Settings settings;

    Mask(Settings settings) {
        this.settings = settings;
    }

    private String each(String text, BiFunction<Settings, String, String> how) {
        String clean = how.apply(settings, text);
        for (Settings account : settings.accounts()) {
            clean = how.apply(account, clean);
        }
        return clean;
    }

    /** Returns the text without keys. */
    String masked(String text) {
        return each(text, Settings::masked);
    }

    /** Returns the text without keys, truncated to that many characters; nothing is left of a key that is truncated. */
    String cut(String text, int longest) {
        return text.length() <= longest ? masked(text) : each(OneLine.cut(text, longest), Settings::redact);
    }

    /** Returns how many characters at the end of a text may be the beginning of a key. */
    int begun(CharSequence text) {
        int most = settings.begun(text);
        for (Settings account : settings.accounts()) {
            most = Math.max(most, account.begun(text));
        }
        return most;
    }
}
