package dev.bactrian.jms;

import java.util.Map;

import org.apache.activemq.artemis.api.core.TransportConfiguration;

/** What Artemis makes of a URL. It takes one without a host, or with a port that can't be, and fails later. */
final class Tcp {

    private static final int LAST_PORT = 65_535;

    private Tcp() {
    }

    /** Whether it names a host and a port to go by TCP. */
    static boolean isAddress(TransportConfiguration transport) {
        return transport.getFactoryClassName().contains(".netty.") && host(transport.getParams()) != null
                && port(transport.getParams()) > 0 && port(transport.getParams()) <= LAST_PORT;
    }

    /** The host, or null. */
    static String host(Map<String, Object> transport) {
        Object host = transport.get("host");
        return host == null || host.toString().equals("null") ? null : host.toString();
    }

    /** The port, or -1. */
    static int port(Map<String, Object> transport) {
        try {
            return Integer.parseInt(String.valueOf(transport.get("port")));
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}
