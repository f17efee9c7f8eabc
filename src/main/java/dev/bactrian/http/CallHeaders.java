package dev.bactrian.http;

import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** The headers of a call to a provider. */
public final class CallHeaders {

    private CallHeaders() {
    }

    /**
     * Leaves the URL that is called and {@code Accept}, and none of the caller's headers. Those stay by which Camel counts
     * redeliveries; no header of Camel's is sent.
     *
     * @param url     as {@link dev.bactrian.config.Url#forCamel} writes it
     * @param account the key of the account whose token goes with it, or null for the application's own
     */
    public static void leave(Message message, String url, String accept, String account) {
        message.removeHeaders("*", "CamelRedeliver*");
        message.setHeader(Exchange.HTTP_URI, url);
        message.setHeader("Accept", accept);
        if (account != null) {
            message.setHeader(ProviderHttp.ACCOUNT, account);
        }
    }
}
