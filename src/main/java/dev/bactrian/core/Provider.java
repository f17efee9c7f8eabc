package dev.bactrian.core;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

import dev.bactrian.config.Settings;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.text.Fingerprint;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;

/**
 * A service that runs models, as the routes and the core use it. An implementation is the bean {@code bactrian<Name>}, such as
 * {@code bactrianReplicate}. Its route {@code direct:bactrian-<name>} makes the first call of a request. A provider that is polled also
 * has the routes {@code direct:bactrian-<name>-poll} and {@code direct:bactrian-<name>-cancel}.
 */
public interface Provider {

    /**
     * The endpoints of a provider and the token for them.
     *
     * @param endpoints the URL of the first call, then others; the token is only sent to their schemes, hosts and ports
     * @param tokenName the property that sets the token, for messages
     * @param tokens    the tokens, of which each call uses one; empty if none is set
     * @param required  whether calls need a token
     * @param probe     the URL of a GET that costs nothing, for the readiness check
     * @param proxy     the application's HTTP proxy; always empty for an account
     */
    record Access(List<String> endpoints, String tokenName, List<String> tokens, boolean required, String probe,
            Optional<Settings.Proxy> proxy) {

        private static final int LONG = 12;

        /** Creates the access with one token, or none if it is null. */
        public Access(List<String> endpoints, String tokenName, String token, boolean required, String probe, Optional<Settings.Proxy> proxy) {
            this(endpoints, tokenName, token == null ? List.of() : List.of(token), required, probe, proxy);
        }

        /** Returns the name of a token, 24 hexadecimal digits that do not reveal it and are the same after a restart. */
        public static String nameOf(String token) {
            return Fingerprint.of(token.getBytes(StandardCharsets.UTF_8));
        }

        /** Returns the first token, or null. */
        public String token() {
            return tokens.isEmpty() ? null : tokens.get(0);
        }

        /** Whether there are several tokens to choose from. */
        public boolean hasSeveral() {
            return tokens.size() > 1;
        }

        /** Returns the access with one token: that of the name, or the first if the name is null or that of none. */
        public Access only(String name) {
            return !hasSeveral() ? this : tokens.stream().filter(token -> nameOf(token).equals(name)).findFirst().map(this::with)
                    .orElseGet(() -> with(token()));
        }

        private Access with(String token) {
            return new Access(endpoints, tokenName, List.of(token), required, probe, proxy);
        }

        /** Returns the last four characters of a token, to tell it from the others; of a short one its number. */
        public String shown(String token) {
            return token.length() >= LONG ? "\u2026" + token.substring(token.length() - 4) : "no. " + (tokens.indexOf(token) + 1);
        }

        /** Returns the URL of the first call. */
        public String endpoint() {
            return endpoints.get(0);
        }

        /** Whether a required token is not set. */
        public boolean isClosed() {
            return required && tokens.isEmpty();
        }

        /**
         * Checks that calls can be made.
         *
         * @throws GenerationFailure {@code authentication} if a required token is not set
         */
        public void requireToken() {
            if (isClosed()) {
                throw new GenerationFailure(ErrorType.AUTHENTICATION, tokenName + " is not set");
            }
        }
    }

    /** Returns the provider of that name in a Camel context, or null. */
    static Provider of(CamelContext context, String name) {
        return context.getRegistry().lookupByNameAndType(bean(name), Provider.class);
    }

    /** Returns the name of a provider's bean: {@code bactrianAcme} for {@code acme}. The name of its HTTP client adds {@code Http}. */
    static String bean(String name) {
        return "bactrian" + name.substring(0, 1).toUpperCase(Locale.ROOT) + name.substring(1);
    }

    /** Returns the name, as used in the routes and in the catalogue. */
    String name();

    /**
     * Returns the endpoints and the token.
     *
     * @param account the key of the account that the calls use, or null for the application's own
     */
    Access access(String account);

    /** Returns the name of the header that holds the token. */
    default String tokenHeader() {
        return "Authorization";
    }

    /** Returns the value of that header. */
    default String authorization(String token) {
        return "Bearer " + token;
    }

    /**
     * Sets the body and headers of the first call, and removes all other headers.
     *
     * @throws GenerationFailure {@code authentication} if a required token is not set
     */
    void request(Exchange exchange);

    /**
     * Whether the first call returns at once and the work is then polled. Such a call may cost money even if its answer is lost, so it is
     * only repeated if the service certainly did not receive it. Otherwise the answer is a stream of text, and a call that was not
     * answered costs nothing.
     */
    default boolean isPolled() {
        return false;
    }

    /**
     * Returns the field of the first call's answer that holds the id of the work, if the provider is polled. An answer that breaks
     * off after this field is complete is read as far as it came: the work is paid for and can be polled.
     */
    default String idField() {
        return "id";
    }

    /** Returns the milliseconds until the next poll. Reserves a slot among the other polls, so call it once for each poll. */
    default long pollDelay(Job job) {
        throw new UnsupportedOperationException("not polled");
    }

    /**
     * Reads the answer of a request that is not polled any more into its job.
     *
     * @throws GenerationFailure if there is no answer, because the work failed, was cancelled, or did not end in time
     */
    default void read(Job job) {
        throw new UnsupportedOperationException("not polled");
    }
}
