package dev.bactrian.simulator;

import java.util.List;

/** The texts of unscripted answers. */
final class Words {

    private static final int QUOTED = 200;

    private Words() {
    }

    /** Returns a few sentences that quote the prompt, in Korean if the prompt contains Hangul. */
    static String about(String prompt) {
        String quoted = prompt.codePointCount(0, prompt.length()) <= QUOTED
                ? prompt
                : prompt.substring(0, prompt.offsetByCodePoints(0, QUOTED)) + "…";
        if (prompt.codePoints().anyMatch(c -> Character.UnicodeScript.of(c) == Character.UnicodeScript.HANGUL)) {
            return "\"" + quoted + "\"에 대한 답입니다. 쌍봉낙타는 혹이 두 개입니다. 이 글은 시뮬레이터가 썼습니다.";
        }
        return "You asked: \"" + quoted + "\". A Bactrian camel has two humps. The simulator wrote this text.";
    }

    /** Splits the text into word-sized pieces with the blanks in front; joined, they are the text again. */
    static List<String> pieces(String text) {
        return List.of(text.split("(?<=\\S)(?=\\s)"));
    }
}
