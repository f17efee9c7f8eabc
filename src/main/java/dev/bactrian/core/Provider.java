package dev.bactrian.core;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

import dev.bactrian.config.Settings;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;

/**
 * A service that runs models, as the routes and the core use it. It is the bean {@code bactrian<Name>}, such as
 * {@code bactrianReplicate}, beside its route {@code direct:bactrian-<name>}, which makes the first call of a request; one
 * that is polled has {@code direct:bactrian-<name>-poll} and {@code direct:bactrian-<name>-cancel}, too.
 */
public interface Provider {

    /**
     * Where the calls of a provider go, and with which token.
     *
     * @param endpoints that of the first call, then others; the token goes to their schemes, hosts and ports alone
     * @param tokenName what sets the token, for messages: a property
     * @param token     null where none is set
     * @param required  whether no call may be made without one
     * @param probe     what answers a GET that costs nothing, for the readiness check
     * @param proxy     of the application's own; an account has none
     */
    record Access(List<String> endpoints, String tokenName, String token, boolean required, String probe,
            Optional<Settings.Proxy> proxy) {

        /** Where the first call goes. */
        public String endpoint() {
            return endpoints.get(0);
        }

        /** Whether a token is required and not set. */
        public boolean isClosed() {
            return required && token == null;
        }

        /**
         * Makes sure that calls may be made.
         *
         * @throws GenerationFailure {@code authentication} where the token that is required is not set
         */
        public void requireToken() {
            if (isClosed()) {
                throw new GenerationFailure(ErrorType.AUTHENTICATION, tokenName + " is not set");
            }
        }
    }

    /** The provider of that name in a Camel context, or null. */
    static Provider of(CamelContext context, String name) {
        return context.getRegistry().lookupByNameAndType(bean(name), Provider.class);
    }

    /** The name of a provider's bean, {@code bactrianAcme} for {@code acme}; that of its HTTP client ends in {@code Http}. */
    static String bean(String name) {
        return "bactrian" + name.substring(0, 1).toUpperCase(Locale.ROOT) + name.substring(1);
    }

    /** Its name, as in its route and in the catalogue. */
    String name();

    /**
     * Where its calls go.
     *
     * @param account the key of the account that they are made with, or null for the application's own
     */
    Access access(String account);

    /** Returns the value of the header {@code Authorization} for a token. */
    default String authorization(String token) {
        return "Bearer " + token;
    }

    /**
     * Leaves the body and the headers of the call that starts the request of an exchange, and none of the caller's headers.
     *
     * @throws GenerationFailure {@code authentication} where no token is set for the official endpoint
     */
    void request(Exchange exchange);

    /**
     * Whether the first call is answered at once and the work is then polled. Such a call may have been paid for though its
     * answer was lost: it is repeated only where the service surely has not got it. Else its answer is a stream of text, and a
     * call that was not answered costs nothing.
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

    /** Milliseconds until the next poll is due, which is thereby given its place among the others: asked once for each. */
    default long pollDelay(Job job) {
        throw new UnsupportedOperationException("not polled");
    }

    /**
     * Reads the answer of a request that is not polled any more into its job.
     *
     * @throws GenerationFailure where there is none: it failed, was cancelled, or did not end in time
     */
    default void read(Job job) {
        throw new UnsupportedOperationException("not polled");
    }
}
