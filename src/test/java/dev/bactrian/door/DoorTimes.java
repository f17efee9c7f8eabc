package dev.bactrian.door;

import java.time.Duration;

import org.apache.camel.CamelContext;

/** Shorter times for the door of a test, and what the door counts. */
public final class DoorTimes {

    private DoorTimes() {
    }

    /** The server waits as long for a head and for the next request, for more of a body, for a client that reads, and after an answer. */
    public static void set(DoorServer server, Duration head, Duration pause, Duration patience, Duration linger) {
        server.setTimes(new Times(head, Times.USUAL.idle(), pause, patience, linger, Times.USUAL.silence()));
    }

    /** The routes wait as long for a client that reads, and send a comment after as long without an event. */
    public static void set(CamelContext context, Duration patience, Duration silence) {
        Times usual = Times.USUAL;
        door(context).setTimes(new Times(usual.head(), usual.idle(), usual.pause(), patience, usual.linger(), silence));
    }

    /** How many requests hold a place of {@code bactrian.http.max-requests}. */
    public static int inWork(CamelContext context) {
        return door(context).inWork();
    }

    /** How many connections the server has. */
    public static int connections(DoorServer server) {
        return server.connections().open();
    }

    private static Door door(CamelContext context) {
        return context.getRegistry().lookupByNameAndType("bactrianDoor", Door.class);
    }
}
