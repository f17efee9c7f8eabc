import jakarta.jms.JMSContext;
import jakarta.jms.JMSRuntimeException;
import jakarta.jms.Message;
import jakarta.jms.Queue;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;

/**
 * Sends a request to the queue and waits for its answer, as any JMS client would.
 *
 * <pre>
 * java -cp 'target/lib/*' examples/queues/Ask.java REQUEST [URL]
 * </pre>
 */
public final class Ask {

    private static final long LONGEST_MILLIS = 120_000;

    private Ask() {
    }

    public static void main(String[] args) throws Exception {
        String url = args.length > 1 ? args[1] : "tcp://127.0.0.1:61616";
        try (ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory(url); JMSContext context = factory.createContext()) {
            Queue answers = context.createTemporaryQueue();
            context.createProducer().setJMSReplyTo(answers).send(context.createQueue("bactrian.requests"), args[0]);
            Message answer = context.createConsumer(answers).receive(LONGEST_MILLIS);
            System.out.println(answer == null ? "no answer" : answer.getBody(String.class));
            System.exit(answer == null ? 1 : 0);
        } catch (JMSRuntimeException e) {
            System.err.println("no broker at " + url + ": " + e.getMessage());
            System.exit(2);
        }
    }
}
