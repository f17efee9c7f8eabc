import java.util.TreeMap;

import com.sun.tools.attach.VirtualMachine;

import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/**
 * The queues of the broker inside a Bactrian on this machine, by JMX.
 *
 * <pre>
 * java Queues.java PID              how many messages each queue holds
 * java Queues.java PID QUEUE        the messages of one: their properties as JSON, without their bodies
 * java Queues.java PID QUEUE TO     moves all messages of one queue to another
 * </pre>
 */
public final class Queues {

    private static final String TEXT = String.class.getName();

    private Queues() {
    }

    public static void main(String[] args) throws Exception {
        VirtualMachine process = VirtualMachine.attach(args[0]);
        try (JMXConnector jmx = JMXConnectorFactory.connect(new JMXServiceURL(process.startLocalManagementAgent()))) {
            MBeanServerConnection beans = jmx.getMBeanServerConnection();
            TreeMap<String, ObjectName> queues = new TreeMap<>();
            for (ObjectName queue : beans.queryNames(new ObjectName("org.apache.activemq.artemis:subcomponent=queues,*"), null)) {
                queues.put((String) beans.getAttribute(queue, "Name"), queue);
            }
            if (args.length == 1) {
                for (var queue : queues.entrySet()) {
                    System.out.println(queue.getKey() + " " + beans.getAttribute(queue.getValue(), "MessageCount"));
                }
            } else if (args.length == 2) {
                System.out.println(beans.invoke(queues.get(args[1]), "listMessagesAsJSON", new Object[] {null}, new String[] {TEXT}));
            } else {
                System.out.println("moved " + beans.invoke(queues.get(args[1]), "moveMessages", new Object[] {null, args[2]}, new String[] {TEXT, TEXT}));
            }
        } finally {
            process.detach();
        }
    }
}
