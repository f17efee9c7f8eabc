package dev.bactrian.examples.kamelets;

import org.apache.camel.main.Main;

/** Camel finds the route beside it. */
public final class Application {

    private Application() {
    }

    public static void main(String[] args) throws Exception {
        new Main(Application.class).run(args);
    }
}
