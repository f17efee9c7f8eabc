package dev.bactrian.simulator;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Detects clients that disconnect from a silent response. The JDK's server notices a closed connection only when it writes; the
 * kernel's socket table shows it at once. Without {@code /proc} (not Linux) such a client is only noticed at the next write.
 */
final class Departures {

    private static final String ESTABLISHED = "01";
    private static final String CLOSE_WAIT = "08";
    /** Reading the table is not atomic: it may miss a socket once, but not this often in a row. */
    private static final int MISSES = 3;

    private final Path[] tables = {Path.of("/proc/net/tcp"), Path.of("/proc/net/tcp6")};
    private final int serverPort;
    private final Map<Integer, Watch> watches = new ConcurrentHashMap<>();

    Departures(int serverPort) {
        this.serverPort = serverPort;
    }

    void watch(int clientPort, Runnable gone) {
        watches.put(clientPort, new Watch(gone));
    }

    void forget(int clientPort) {
        watches.remove(clientPort);
    }

    /** Reads the socket table once. Called at intervals by one thread. */
    void check() {
        if (watches.isEmpty()) {
            return;
        }
        Map<Integer, Watch> watched = Map.copyOf(watches);
        Map<Integer, String> states = states();
        if (states == null) {
            return;
        }
        watched.forEach((clientPort, watch) -> {
            String state = states.get(clientPort);
            if (ESTABLISHED.equals(state)) {
                watch.misses = 0;
            } else if ((CLOSE_WAIT.equals(state) || ++watch.misses >= MISSES) && watches.remove(clientPort, watch)) {
                watch.gone.run();
            }
        });
    }

    /** Returns the states of the connections to this server by client port, or null if the system does not provide them. */
    private Map<Integer, String> states() {
        Map<Integer, String> states = new HashMap<>();
        boolean read = false;
        for (Path table : tables) {
            String text;
            try {
                text = Files.readString(table, StandardCharsets.US_ASCII);
            } catch (IOException e) {
                continue;
            }
            read = true;
            text.lines().skip(1).forEach(line -> {
                String[] columns = line.trim().split(" +", 5);
                if (columns.length == 5 && port(columns[1]) == serverPort) {
                    states.put(port(columns[2]), columns[3]);
                }
            });
        }
        return read ? states : null;
    }

    private static int port(String address) {
        return Integer.parseInt(address, address.indexOf(':') + 1, address.length(), 16);
    }

    private static final class Watch {
        private final Runnable gone;
        private int misses;

        Watch(Runnable gone) {
            this.gone = gone;
        }
    }
}
