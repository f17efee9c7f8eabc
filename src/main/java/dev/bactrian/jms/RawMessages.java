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
 * Has the Artemis client hand over those messages of some queues as bytes that it could not read, or whose body comes
 * later or compressed. It reads a body before its consumer has the message, and where that fails it cuts the connection,
 * with all its consumers, and the message comes again. What a sender wrote is read by {@link Body} instead, where it can
 * fail one message alone.
 */
final class RawMessages implements Interceptor {

    /** What nobody who sends a message knows. */
    private static final String OURS = "_bactrian_" + UUID.randomUUID();
    /** On a message that this has made bytes: the type that it came with, a byte. */
    static final String TYPE = OURS + "_type";
    /** The same: whether its sender calls its body compressed. */
    static final String COMPRESSED = OURS + "_compressed";

    private static final SimpleString TYPE_PROPERTY = SimpleString.of(TYPE);
    private static final SimpleString COMPRESSED_PROPERTY = SimpleString.of(COMPRESSED);

    private final Set<String> addresses;

    /** The messages of these queues, named as Artemis does: {@code queue} or {@code address::queue}. */
    RawMessages(List<String> queues) {
        addresses = queues.stream().flatMap(queue -> Stream.of(queue.split("::"))).collect(Collectors.toSet());
    }

    @Override
    public boolean intercept(Packet packet, RemotingConnection connection) {
        if (packet instanceof SessionReceiveMessage whole && whole.getMessage() instanceof CoreMessage message) {
            // The broker's own word that a queue is empty comes as a message that was never delivered.
            boolean delivered = whole.getDeliveryCount() > 0 || !message.containsProperty(ClientConsumerImpl.FORCED_DELIVERY_MESSAGE);
            if (delivered && isOurs(message) && !isReadable(message)) {
                makeRaw(message);
            }
        } else if (packet instanceof SessionReceiveLargeMessage large && large.getLargeMessage() instanceof CoreMessage message && isOurs(message)) {
            // Its body is yet to come.
            makeRaw(message);
            message.putLongProperty(Message.HDR_LARGE_BODY_SIZE, large.getLargeMessageSize());
        }
        return true;
    }

    /**
     * Whether it is a message of these queues that another of these, of an application on the same connections, has not had.
     * What the client reads itself and is wrong if a sender wrote it goes.
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
