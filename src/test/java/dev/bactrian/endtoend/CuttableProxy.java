package dev.bactrian.endtoend;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import dev.bactrian.support.FreePort;

/** A wire between the service and the broker that can be cut, or stall, and heal. */
final class CuttableProxy implements AutoCloseable {

    private static final int BUFFER = 65_536;

    private final int target;
    private final int port;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private ServerSocket server;
    private boolean stalled;

    private CuttableProxy(int target) {
        this.target = target;
        port = FreePort.find();
        heal();
    }

    /** A wire to that port of this machine; it is whole. */
    static CuttableProxy before(int port) {
        return new CuttableProxy(port);
    }

    String url() {
        return "tcp://127.0.0.1:" + port;
    }

    /** Closes every connection and refuses new ones. */
    synchronized void cut() {
        closeServer();
        closeAll();
    }

    /** Accepts, but lets nothing through in either direction; what is sent meanwhile arrives when it heals. */
    synchronized void stall() {
        stalled = true;
    }

    /** As good as new. */
    synchronized void heal() {
        stalled = false;
        notifyAll();
        if (server == null) {
            try {
                server = new ServerSocket(port, 100, InetAddress.getLoopbackAddress());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            ServerSocket listening = server;
            thread(() -> accept(listening));
        }
    }

    private void accept(ServerSocket listening) {
        while (!listening.isClosed()) {
            try {
                Socket near = listening.accept();
                sockets.add(near);
                if (listening.isClosed()) {
                    close(near);
                } else {
                    thread(() -> connect(near));
                }
            } catch (IOException e) {
                // cut meanwhile
            }
        }
    }

    private void connect(Socket near) {
        try {
            awaitPassage();
            Socket far = new Socket(InetAddress.getLoopbackAddress(), target);
            sockets.add(far);
            near.setTcpNoDelay(true);
            far.setTcpNoDelay(true);
            thread(() -> pass(near, far));
            pass(far, near);
        } catch (IOException e) {
            close(near);
        }
    }

    /** Passes on what one says until either is gone, then closes both. */
    private void pass(Socket from, Socket to) {
        byte[] buffer = new byte[BUFFER];
        try {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                awaitPassage();
                out.write(buffer, 0, read);
            }
            awaitPassage();
        } catch (IOException e) {
            // cut, or one of the two has left
        } finally {
            close(from);
            close(to);
        }
    }

    private synchronized void awaitPassage() throws IOException {
        try {
            while (stalled) {
                wait();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }

    private void close(Socket socket) {
        sockets.remove(socket);
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void closeAll() {
        sockets.forEach(this::close);
    }

    private void closeServer() {
        try {
            if (server != null) {
                server.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server = null;
    }

    private static void thread(Runnable task) {
        Thread thread = new Thread(task, "cut");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public synchronized void close() {
        cut();
        stalled = false;
        notifyAll();
    }
}
