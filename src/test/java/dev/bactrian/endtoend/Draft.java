package dev.bactrian.endtoend;

import java.io.Serializable;
import java.util.Map;

import jakarta.jms.BytesMessage;
import jakarta.jms.JMSException;
import jakarta.jms.MapMessage;
import jakarta.jms.Message;
import jakarta.jms.Session;
import jakarta.jms.StreamMessage;

/** A message that is still to be sent, made in whatever session sends it. */
@FunctionalInterface
interface Draft {

    Message make(Session session) throws JMSException;

    static Draft text(String text) {
        return session -> session.createTextMessage(text);
    }

    static Draft bytes(byte[] bytes) {
        return session -> {
            BytesMessage message = session.createBytesMessage();
            message.writeBytes(bytes);
            return message;
        };
    }

    static Draft object(Serializable object) {
        return session -> session.createObjectMessage(object);
    }

    static Draft map(Map<String, String> map) {
        return session -> {
            MapMessage message = session.createMapMessage();
            for (Map.Entry<String, String> entry : map.entrySet()) {
                message.setString(entry.getKey(), entry.getValue());
            }
            return message;
        };
    }

    static Draft stream(String... values) {
        return session -> {
            StreamMessage message = session.createStreamMessage();
            for (String value : values) {
                message.writeString(value);
            }
            return message;
        };
    }

    /** A message without a body. */
    static Draft empty() {
        return Session::createMessage;
    }

    /** Sets a property of the type that the value has. */
    default Draft property(String name, Object value) {
        return session -> {
            Message message = make(session);
            message.setObjectProperty(name, value);
            return message;
        };
    }

    default Draft json() {
        return property("Content_HYPHEN_Type", "application/json");
    }

    default Draft correlationId(String id) {
        return session -> {
            Message message = make(session);
            message.setJMSCorrelationID(id);
            return message;
        };
    }

    default Draft type(String type) {
        return session -> {
            Message message = make(session);
            message.setJMSType(type);
            return message;
        };
    }

    default Draft replyTo(String queue) {
        return session -> {
            Message message = make(session);
            message.setJMSReplyTo(session.createQueue(queue));
            return message;
        };
    }
}
