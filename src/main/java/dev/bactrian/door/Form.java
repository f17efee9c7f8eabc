package dev.bactrian.door;

import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;

import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import org.apache.camel.Exchange;
import org.apache.camel.attachment.Attachment;
import org.apache.camel.attachment.AttachmentMessage;

/** The fields and the file of a body that is {@code multipart/form-data}. The server has stored the file, and deletes it after the call. */
final class Form {

    private static final String TYPE = "multipart/form-data";

    private final Client client;
    private final Exchange exchange;

    private Form(Client client, Exchange exchange) {
        this.client = client;
        this.exchange = exchange;
    }

    /**
     * Returns the form in the body of an exchange.
     *
     * @throws GenerationFailure {@code invalid-request} if the body is none
     */
    static Form of(Exchange exchange) {
        String type = exchange.getMessage().getHeader(Exchange.CONTENT_TYPE, "", String.class);
        if (!type.split(";", 2)[0].trim().toLowerCase(Locale.ROOT).equals(TYPE)) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, "not " + TYPE);
        }
        return new Form(Call.of(exchange).client(), exchange);
    }

    /** Returns the first value of a field, or null. */
    String field(String name) {
        return client.field(name);
    }

    /**
     * Returns the bytes of the file.
     *
     * @param name the name of its part, for the error
     * @throws GenerationFailure {@code invalid-request} if there is none, or more than one
     * @throws IOException       if it cannot be read
     */
    byte[] file(String name) throws IOException {
        AttachmentMessage message = exchange.getMessage(AttachmentMessage.class);
        // Attachments are by the names of files, which two parts may share.
        int files = exchange.getMessage().getHeader(Exchange.ATTACHMENTS_SIZE, 0, Integer.class);
        if (!message.hasAttachments() || files > 1 || message.getAttachments().size() > 1) {
            throw new GenerationFailure(ErrorType.INVALID_REQUEST, name + ": not one file; the part of a file has a filename");
        }
        Attachment file = message.getAttachmentObjects().values().iterator().next();
        try (InputStream in = file.getDataHandler().getInputStream()) {
            return in.readAllBytes();
        }
    }
}
