package dev.bactrian.config;

import dev.bactrian.text.OneLine;

/** Reports a missing, unknown or malformed property. The message is one line and names the property. */
public final class SettingException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    public SettingException(String property, String problem) {
        super(OneLine.of(property + ": " + problem));
    }
}
