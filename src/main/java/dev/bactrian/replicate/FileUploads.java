package dev.bactrian.replicate;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.bactrian.config.Settings;
import dev.bactrian.config.Url;
import dev.bactrian.core.Provider;
import dev.bactrian.core.Provider.Access;
import dev.bactrian.error.Cause;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Account;
import dev.bactrian.http.CallHeaders;
import dev.bactrian.http.HttpFailures;
import dev.bactrian.http.ProviderHttp;
import dev.bactrian.text.ProviderJson;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** Uploads files to Replicate ({@code POST /v1/files}), whose URLs then are inputs of predictions. */
public final class FileUploads {

    /** The size up to which Replicate takes a file as a {@code data:} URL. */
    public static final int LARGEST_DATA_BYTES = 256 * 1024;

    private static final Pattern CREATES = Pattern.compile("(https?://[^?#]*?)(/models/[^?#]*|/deployments/[^?#]*)?/predictions");

    private FileUploads() {
    }

    /**
     * Sets the body and headers of the upload, and removes all other headers. It uses the token of the exchange's account, or the first of
     * several.
     *
     * @param contentType the type of the file, such as {@code image/png}
     * @return false if the configured endpoint takes no files
     * @throws GenerationFailure {@code authentication} if a required token is not set
     */
    public static boolean request(Exchange exchange, byte[] file, String contentType) {
        CamelContext context = exchange.getContext();
        Account account = exchange.getVariable(Account.VARIABLE) instanceof String bean
                ? context.getRegistry().lookupByNameAndType(bean, Account.class) : null;
        String key = account == null ? null : account.key(Settings.of(context));
        Access access = provider(context).access(key);
        Matcher creates = CREATES.matcher(access.endpoint());
        if (!creates.matches()) {
            return false;
        }
        access.requireToken();
        Message message = exchange.getMessage();
        CallHeaders.leave(message, Url.of(creates.group(1) + "/files").forCamel(), "application/json", key);
        if (access.hasSeveral()) {
            message.setHeader(ProviderHttp.TOKEN, Access.nameOf(access.token()));
        }
        String boundary = "bactrian-" + UUID.randomUUID();
        message.setHeader(Exchange.CONTENT_TYPE, "multipart/form-data; boundary=" + boundary);
        message.setBody(form(file, contentType, boundary));
        return true;
    }

    private static Provider provider(CamelContext context) {
        return Provider.of(context, "replicate");
    }

    private static byte[] form(byte[] file, String contentType, String boundary) {
        String name = "file." + contentType.replaceFirst(".*/", "");
        ByteArrayOutputStream form = new ByteArrayOutputStream(file.length + 500);
        form.writeBytes(("--" + boundary + "\r\nContent-Disposition: form-data; name=\"content\"; filename=\"" + name + "\"\r\nContent-Type: "
                + contentType + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
        form.writeBytes(file);
        form.writeBytes(("\r\n--" + boundary + "\r\nContent-Disposition: form-data; name=\"filename\"\r\n\r\n" + name + "\r\n--" + boundary
                + "--\r\n").getBytes(StandardCharsets.US_ASCII));
        return form.toByteArray();
    }

    /**
     * Returns the URL of the file from the answer in the body.
     *
     * @throws GenerationFailure {@code provider-unavailable} or another type if there is none
     */
    public static String url(Exchange exchange) {
        String body = Replicate.text(exchange);
        Optional<String> url = ProviderJson.json(body).map(file -> file.at("/urls/get").asText()).filter(text -> text.startsWith("http"));
        return url.orElseThrow(() -> HttpFailures.inPlaceOfAnAnswer(body, "replicate"));
    }

    /** Returns the failure of an upload that was not answered as it should be. Nothing was paid for. */
    public static GenerationFailure failure(Exchange exchange) {
        return HttpFailures.of(Cause.of(exchange), provider(exchange.getContext()), 1);
    }
}
