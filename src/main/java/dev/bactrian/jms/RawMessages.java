package dev.bactrian.jms;

import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.apache.activemq.artemis.api.core.Interceptor;
import org.apache.activemq.artemis.api.core.Message;
import org.apache.activemq.artemis.api.core.SimpleString;
import org.apache.activemq.artemis.core.client.impl.ClientConsumerImpl;
import org.apache.activemq.artemis.core.message.impl.CoreMessage;
import org.apache.activemq.artemis.core.protocol.core.Packet;
import org.apache.activemq.artemis.core.protocol.core.impl.wireformat.SessionReceiveLargeMessage;
import org.apache.activemq.artemis.core.protocol.core.impl.wireformat.SessionReceiveMessage;
import org.apache.activemq.artemis.jms.client.ActiveMQBytesMessage;
import org.apache.activemq.artemis.spi.core.protocol.RemotingConnection;

/**
 * Makes the Artemis client deliver messages of our queues as raw bytes if it could not decode them, or if their body is large or
 * compressed. The client decodes a body before the consumer gets the message, and if that fails it closes the connection with all
 * its consumers, and the message is redelivered. {@link Body} decodes the raw bytes instead, and only fails that one message.
 */
final class RawMessages implements Interceptor {

    /** A prefix that no sender can know. */
    private static final String OURS = "_bactrian_" + UUID.randomUUID();
    /** The property, on a message made raw, with its original type, a byte. */
    static final String TYPE = OURS + "_type";
    /** The property, on a message made raw, that says whether its sender marked it as compressed. */
    static final String COMPRESSED = OURS + "_compressed";

    private static final SimpleString TYPE_PROPERTY = SimpleString.of(TYPE);
    private static final SimpleString COMPRESSED_PROPERTY = SimpleString.of(COMPRESSED);

    private final Set<String> addresses;

    /** Creates the interceptor for these queues, named as Artemis does: {@code queue} or {@code address::queue}. */
    RawMessages(List<String> queues) {
        addresses = queues.stream().flatMap(queue -> Stream.of(queue.split("::"))).collect(Collectors.toSet());
    }

    @Override
    public boolean intercept(Packet packet, RemotingConnection connection) {
        if (packet instanceof SessionReceiveMessage whole && whole.getMessage() instanceof CoreMessage message) {
            // The broker reports that a queue is empty with a message that was never delivered.
            boolean delivered = whole.getDeliveryCount() > 0 || !message.containsProperty(ClientConsumerImpl.FORCED_DELIVERY_MESSAGE);
            if (delivered && isOurs(message) && !isReadable(message)) {
                makeRaw(message);
            }
        } else if (packet instanceof SessionReceiveLargeMessage large && large.getLargeMessage() instanceof CoreMessage message && isOurs(message)) {
            // The body arrives later, in chunks.
            makeRaw(message);
            message.putLongProperty(Message.HDR_LARGE_BODY_SIZE, large.getLargeMessageSize());
        }
        return true;
    }

    /**
     * Whether the message belongs to our queues and no other interceptor of this kind, of another context on the same connections, has
     * made it raw. Also removes properties that only the broker may set, because the client would act on a sender's forged ones.
     */
    private boolean isOurs(CoreMessage message) {
        if (!addresses.contains(message.getAddress()) || message.containsProperty(TYPE_PROPERTY)) {
            return false;
        }
        message.removeProperty(ClientConsumerImpl.FORCED_DELIVERY_MESSAGE);
        message.removeProperty(Message.HDR_ROUTING_TYPE);
        return true;
    }

    private static boolean isReadable(CoreMessage message) {
        return !message.containsProperty(Message.HDR_LARGE_COMPRESSED)
                && Body.isWhole(message.getType(), message.getReadOnlyBodyBuffer().toByteBuffer());
    }

    private static void makeRaw(CoreMessage message) {
        Object compressed = message.removeProperty(Message.HDR_LARGE_COMPRESSED);
        message.putBooleanProperty(COMPRESSED_PROPERTY, compressed != null && Boolean.parseBoolean(compressed.toString()));
        message.putByteProperty(TYPE_PROPERTY, message.getType());
        message.setType(ActiveMQBytesMessage.TYPE);
    }
}
