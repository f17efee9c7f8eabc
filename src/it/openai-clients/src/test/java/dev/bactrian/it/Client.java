package dev.bactrian.it;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;

/** One of the clients, with its own types behind it: what a test asks of each of them. Each call throws {@link Failure}. */
interface Client extends AutoCloseable {

    /** Asks for the answer as one document. */
    Answer chat(Question question);

    /**
     * Asks for the answer as a stream.
     *
     * @param pieces is told each piece of text that is not empty, as it arrives; false: the client closes the stream
     */
    Answer stream(Question question, Predicate<String> pieces);

    /** Tells the model what the tool that it called has said, and asks for its answer as one document. */
    Answer chat(Question question, ToolCall call, String said);

    /** Asks for an image of 1024x1024, as {@code url} or as {@code b64_json}. */
    String image(Question question, String format);

    /** Asks for an image that is made of another, and returns its address. */
    String edit(Question question, Path png);

    /** Returns the ids of the models. */
    List<String> models();

    /** Returns the id of a model that was retrieved by its id. */
    String model(String id);

    /** Whether the client can ask for that at all. */
    default boolean can(Ability ability) {
        return true;
    }

    @Override
    void close();

    /** What not every client offers. */
    enum Ability { RETRIEVE_MODEL, IMAGE_AS_BASE64, OBEY_RETRY_AFTER }

    /**
     * A chat or an image to ask for.
     *
     * @param key     the key of the caller
     * @param retries how often the client repeats the call by itself
     * @param seconds how long the client waits
     * @param n       how many answers are asked for
     * @param tool    whether the model may call {@link ToolCall#WEATHER}
     */
    record Question(String key, String model, String text, int retries, int seconds, int n, boolean tool) {

        private static final int LONGEST_SECONDS = 60;

        static Question of(String model, String text) {
            return new Question(Service.KEY, model, text, 0, LONGEST_SECONDS, 1, false);
        }

        Question key(String other) {
            return new Question(other, model, text, retries, seconds, n, tool);
        }

        Question retries(int times) {
            return new Question(key, model, text, times, seconds, n, tool);
        }

        Question seconds(int longest) {
            return new Question(key, model, text, retries, longest, n, tool);
        }

        Question n(int answers) {
            return new Question(key, model, text, retries, seconds, answers, tool);
        }

        Question withTool() {
            return new Question(key, model, text, retries, seconds, n, true);
        }

        Duration timeout() {
            return Duration.ofSeconds(seconds);
        }
    }

    /** A call of a tool by the model. */
    record ToolCall(String id, String name, String arguments) {

        static final String WEATHER = "weather";
    }

    /**
     * What the client has made of an answer. A stream is always asked to end with the usage.
     *
     * @param text      the text; empty where there is none
     * @param reasoning the reasoning; empty where there is none
     * @param reason    why the answer ended there, in OpenAI's words
     * @param tokens    the tokens of the prompt and the answer; null where the client was told none
     */
    record Answer(String text, String reasoning, String reason, Long tokens, List<ToolCall> tools) {
    }

    /** An error as the client has raised it. */
    final class Failure extends RuntimeException {

        private static final long serialVersionUID = 1L;

        private final int status;
        private final String code;

        /**
         * Creates the error.
         *
         * @param status the status of the response; 0 where there was none, or where the error was in a stream
         * @param code   the code of the error as the client has read it; null where it has not
         */
        Failure(int status, String code, String message, Throwable cause) {
            super(message, cause);
            this.status = status;
            this.code = code;
        }

        int status() {
            return status;
        }

        String code() {
            return code;
        }
    }
}
