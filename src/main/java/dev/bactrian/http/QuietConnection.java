package dev.bactrian.http;

import java.io.IOException;
import java.net.Socket;

import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;

import org.apache.hc.client5.http.io.ManagedHttpClientConnection;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.http.impl.io.DefaultBHttpClientConnection;
import org.apache.hc.core5.http.impl.io.SocketHolder;

/**
 * A connection that logs nothing. HttpClient's own writes the {@code Authorization} header to its header and wire logs
 * once somebody sets them to debug; a token must not be seen in a log at any level.
 */
final class QuietConnection extends DefaultBHttpClientConnection implements ManagedHttpClientConnection {

    QuietConnection() {
        super(Http1Config.custom().setMaxHeaderCount(256).setMaxLineLength(64 * 1024).build());
    }

    @Override
    public void bind(Socket socket) throws IOException {
        super.bind(socket);
    }

    @Override
    public void bind(SSLSocket sslSocket, Socket socket) throws IOException {
        super.bind(new SocketHolder(sslSocket, socket));
    }

    @Override
    public Socket getSocket() {
        SocketHolder holder = getSocketHolder();
        return holder == null ? null : holder.getSocket();
    }

    @Override
    public SSLSession getSSLSession() {
        SocketHolder holder = getSocketHolder();
        return holder != null && holder.getSSLSocket() != null ? holder.getSSLSocket().getSession() : null;
    }

    @Override
    public void passivate() {
        // the timeout is set anew with each request
    }

    @Override
    public void activate() {
        // the timeout is set anew with each request
    }
}
