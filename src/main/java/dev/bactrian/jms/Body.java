package dev.bactrian.jms;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

import io.netty.buffer.Unpooled;
import jakarta.jms.BytesMessage;
import jakarta.jms.JMSException;
import jakarta.jms.MapMessage;
import jakarta.jms.Message;
import jakarta.jms.MessageEOFException;
import jakarta.jms.MessageFormatException;
import jakarta.jms.ObjectMessage;
import jakarta.jms.StreamMessage;
import jakarta.jms.TextMessage;
import org.apache.activemq.artemis.api.core.ActiveMQBuffer;
import org.apache.activemq.artemis.api.core.ActiveMQException;
import org.apache.activemq.artemis.api.core.SimpleString;
import org.apache.activemq.artemis.core.buffers.impl.ChannelBufferWrapper;
import org.apache.activemq.artemis.jms.client.ActiveMQBytesMessage;
import org.apache.activemq.artemis.jms.client.ActiveMQMapMessage;
import org.apache.activemq.artemis.jms.client.ActiveMQMessage;
import org.apache.activemq.artemis.jms.client.ActiveMQObjectMessage;
import org.apache.activemq.artemis.jms.client.ActiveMQStreamMessage;
import org.apache.activemq.artemis.jms.client.ActiveMQTextMessage;
import org.apache.activemq.artemis.reader.StreamMessageUtil;
import org.apache.activemq.artemis.utils.DataConstants;

/**
 * The body of a message, read once.
 *
 * @param kind  the kind of message
 * @param text  the content of a text message, empty if it has none; null for other kinds
 * @param bytes the content of a bytes message, or the raw body of a message that cannot be decoded; else null
 * @param fault why the body cannot be decoded, or null
 */
record Body(Kind kind, String text, byte[] bytes, String fault) {

    /** The kinds of messages, with the words for them in errors. */
    enum Kind {
        TEXT("a text message"), BYTES("a bytes message"), OBJECT("an object message"), MAP("a map message"), STREAM("a stream message"),
        EMPTY("one without a body"), UNKNOWN("a message of an unknown type");

        final String words;

        Kind(String words) {
            this.words = words;
        }
    }

    /** No limit: the maximum size of an array. */
    static final long WHOLE = Integer.MAX_VALUE - 64;

    private static final byte[] NOTHING = {};
    /** The header of an Artemis text body: the null marker and the length. */
    private static final int TEXT_HEAD = 1 + Integer.BYTES;
    private static final int PIECE = 8192;

    private static Body of(Kind kind) {
        return new Body(kind, null, null, null);
    }

    private static Body text(String text) {
        return new Body(Kind.TEXT, text, null, null);
    }

    private static Body bytes(byte[] bytes) {
        return new Body(Kind.BYTES, null, bytes, null);
    }

    private static Body faulty(Kind kind, byte[] bytes, String fault) {
        return new Body(kind, null, bytes, fault);
    }

    /**
     * Reads the body. Of a body longer than {@code most} bytes (or characters), one more than that is kept, to show that it is longer.
     *
     * @throws JMSException if the broker cannot deliver the body
     */
    static Body of(Message message, long most) throws JMSException {
        if (message instanceof ActiveMQMessage artemis && artemis.getCoreMessage().containsProperty(RawMessages.TYPE)) {
            return raw(artemis, most);
        }
        Kind kind = kind(message);
        try {
            return switch (kind) {
                case TEXT -> text(orEmpty(((TextMessage) message).getText()));
                case BYTES -> bytes(read((BytesMessage) message, most));
                default -> of(kind);
            };
        } catch (MessageFormatException | MessageEOFException | RuntimeException e) {
            return faulty(kind, NOTHING, e.getMessage());
        }
    }

    private static Kind kind(Message message) {
        return message instanceof TextMessage ? Kind.TEXT : message instanceof BytesMessage ? Kind.BYTES
                : message instanceof ObjectMessage ? Kind.OBJECT : message instanceof MapMessage ? Kind.MAP
                : message instanceof StreamMessage ? Kind.STREAM : Kind.EMPTY;
    }

    private static String orEmpty(String text) {
        return text == null ? "" : text;
    }

    /** Does not rely on the length that the message declares. */
    private static byte[] read(BytesMessage message, long most) throws JMSException {
        Capped read = new Capped(most);
        byte[] piece = new byte[PIECE];
        for (int n = message.readBytes(piece); n > 0 && !read.more; n = message.readBytes(piece)) {
            read.write(piece, 0, n);
        }
        return read.bytes();
    }

    /** Returns the kind of an Artemis message by the type that its sender set. */
    private static Kind kind(byte type) {
        return switch (type) {
            case ActiveMQTextMessage.TYPE -> Kind.TEXT;
            case ActiveMQBytesMessage.TYPE -> Kind.BYTES;
            case ActiveMQObjectMessage.TYPE -> Kind.OBJECT;
            case ActiveMQMapMessage.TYPE -> Kind.MAP;
            case ActiveMQStreamMessage.TYPE -> Kind.STREAM;
            case ActiveMQMessage.TYPE -> Kind.EMPTY;
            default -> Kind.UNKNOWN;
        };
    }

    /** Whether the Artemis client can read a message of that type with that body. */
    static boolean isWhole(byte type, ByteBuffer body) {
        Kind kind = kind(type);
        try {
            if (kind == Kind.TEXT) {
                if (body.get() != DataConstants.NULL) {
                    length(body.getInt(), body.remaining());
                }
            } else if (kind == Kind.OBJECT || kind == Kind.MAP || kind == Kind.STREAM) {
                check(kind, body);
            }
            return kind != Kind.UNKNOWN;
        } catch (DataFormatException | RuntimeException e) {
            return false;
        }
    }

    /** Decodes a body that {@link RawMessages} has left undecoded. */
    private static Body raw(ActiveMQMessage message, long most) throws JMSException {
        Kind kind = kind(message.getByteProperty(RawMessages.TYPE));
        // Artemis encodes a character as two bytes.
        Capped body = new Capped(kind == Kind.TEXT ? TEXT_HEAD + 2 * most + 1 : most);
        try {
            message.getCoreMessage().saveToOutputStream(body);
        } catch (ActiveMQException e) {
            throw (JMSException) new JMSException(e.getMessage()).initCause(e);
        }
        try {
            return decoded(kind, message.getBooleanProperty(RawMessages.COMPRESSED) ? body.inflated() : body);
        } catch (DataFormatException e) {
            return faulty(kind, body.bytes(), e.getMessage());
        } catch (RuntimeException e) {
            return faulty(kind, body.bytes(), "it is not what " + kind.words + " holds");
        }
    }

    private static Body decoded(Kind kind, Capped body) throws DataFormatException {
        switch (kind) {
            case TEXT:
                return text(decodedText(body));
            case BYTES:
                return bytes(body.bytes());
            case UNKNOWN:
                throw new DataFormatException("it is " + kind.words);
            case OBJECT, MAP, STREAM:
                if (!body.more) {
                    check(kind, ByteBuffer.wrap(body.bytes()));
                }
                return of(kind);
            default:
                return of(kind);
        }
    }

    private static String decodedText(Capped body) throws DataFormatException {
        ByteBuffer buffer = ByteBuffer.wrap(body.bytes());
        if (buffer.get() == DataConstants.NULL) {
            return "";
        }
        int said = length(buffer.getInt(), body.more ? Integer.MAX_VALUE : buffer.remaining());
        byte[] text = new byte[Math.min(said, buffer.remaining()) & ~1];
        buffer.get(text);
        return SimpleString.of(text).toString();
    }

    private static int length(int said, int remaining) throws DataFormatException {
        if (said < 0 || said > remaining) {
            throw new DataFormatException("it says that it is " + said + " bytes long, and " + remaining + " are there");
        }
        return said;
    }

    /** Validates the body of a kind that is rejected anyway, because an invalid body gets another error than an unsupported kind. */
    private static void check(Kind kind, ByteBuffer buffer) throws DataFormatException {
        if (kind == Kind.OBJECT && buffer.hasRemaining()) {
            length(buffer.getInt(), buffer.remaining());
        } else if (kind == Kind.MAP) {
            if (buffer.hasRemaining() && buffer.get() != DataConstants.NULL) {
                for (int entries = buffer.getInt(); entries != 0; entries--) {
                    skip(buffer, buffer.getInt());
                    byte type = buffer.get();
                    skip(buffer, type == DataConstants.STRING ? buffer.getInt() : size(type, buffer));
                }
            }
        } else if (kind == Kind.STREAM) {
            while (buffer.hasRemaining()) {
                byte type = buffer.get(buffer.position());
                if (type == DataConstants.STRING) {
                    ActiveMQBuffer rest = new ChannelBufferWrapper(Unpooled.wrappedBuffer(buffer));
                    StreamMessageUtil.streamReadObject(rest);
                    buffer.position(buffer.limit() - rest.readableBytes());
                } else {
                    buffer.get();
                    skip(buffer, size(type, buffer));
                }
            }
        }
    }

    private static int size(byte type, ByteBuffer buffer) throws DataFormatException {
        return switch (type) {
            case DataConstants.NULL -> 0;
            case DataConstants.BOOLEAN, DataConstants.BYTE -> Byte.BYTES;
            case DataConstants.SHORT, DataConstants.CHAR -> Short.BYTES;
            case DataConstants.INT, DataConstants.FLOAT -> Integer.BYTES;
            case DataConstants.LONG, DataConstants.DOUBLE -> Long.BYTES;
            case DataConstants.BYTES -> buffer.getInt();
            default -> throw new DataFormatException("it holds a value of the unknown type " + type);
        };
    }

    private static void skip(ByteBuffer buffer, int length) throws DataFormatException {
        buffer.position(buffer.position() + length(length, buffer.remaining()));
    }

    /** Keeps the first {@code most} bytes and one more, and drops the rest. */
    private static final class Capped extends OutputStream {

        private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
        private final long most;
        private boolean more;

        Capped(long most) {
            this.most = Math.min(most, WHOLE);
        }

        @Override
        public void write(int one) {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] from, int offset, int length) {
            int room = (int) Math.min(length, most + 1 - kept.size());
            kept.write(from, offset, room);
            more = kept.size() > most;
        }

        byte[] bytes() {
            return kept.toByteArray();
        }

        /** Decompresses the bytes as the Artemis client does, but only up to the limit. */
        Capped inflated() throws DataFormatException {
            Capped inflated = new Capped(most);
            Inflater inflater = new Inflater();
            try {
                inflater.setInput(bytes());
                byte[] piece = new byte[PIECE];
                while (!inflater.finished() && !inflated.more) {
                    int n = inflater.inflate(piece);
                    if (n == 0 && !inflater.finished()) {
                        if (more) {
                            break;
                        }
                        throw new DataFormatException("it ends early");
                    }
                    inflated.write(piece, 0, n);
                }
            } catch (DataFormatException e) {
                throw new DataFormatException("it is marked as compressed, and is not");
            } finally {
                inflater.end();
            }
            inflated.more |= more;
            return inflated;
        }
    }
}
