package dev.bactrian.jms;

import java.util.Map;

import org.apache.activemq.artemis.api.core.TransportConfiguration;

/** Validates the host and port of an Artemis URL. Artemis accepts a URL without a host or with an impossible port, and fails later. */
final class Tcp {

    private static final int LAST_PORT = 65_535;

    private Tcp() {
    }

    /** Whether the transport is TCP with a host and a valid port. */
    static boolean isAddress(TransportConfiguration transport) {
        return transport.getFactoryClassName().contains(".netty.") && host(transport.getParams()) != null
                && port(transport.getParams()) > 0 && port(transport.getParams()) <= LAST_PORT;
    }

    /** Returns the host, or null. */
    static String host(Map<String, Object> transport) {
        Object host = transport.get("host");
        return host == null || host.toString().equals("null") ? null : host.toString();
    }

    /** Returns the port, or -1. */
    static int port(Map<String, Object> transport) {
        try {
            return Integer.parseInt(String.valueOf(transport.get("port")));
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}
