package dev.bactrian.http;

import dev.bactrian.generate.Generation;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** Sets the headers of a call to a provider. */
public final class CallHeaders {

    private static final String REDELIVERIES = "CamelRedeliver";

    private CallHeaders() {
    }

    /**
     * Sets the URL to call and {@code Accept}, and removes all other headers, except those with which Camel counts redeliveries.
     * Camel's own headers are never sent.
     *
     * @param url     the URL as {@link dev.bactrian.config.Url#forCamel} writes it
     * @param account the key of the account whose token authenticates the call, or null for the application's own token
     */
    public static void leave(Message message, String url, String accept, String account) {
        message.getHeaders().keySet().removeIf(name -> !name.startsWith(REDELIVERIES));
        message.setHeader(Exchange.HTTP_URI, url);
        message.setHeader("Accept", accept);
        if (account != null) {
            message.setHeader(ProviderHttp.ACCOUNT, account);
        }
    }

    /** The same for a call that is authenticated as the request says: by the token of its account, or by that of several that it uses. */
    public static void leaveFor(Message message, String url, String accept, Generation generation) {
        leave(message, url, accept, generation.account());
        if (generation.token() != null) {
            message.setHeader(ProviderHttp.TOKEN, generation.token());
        }
    }
}
