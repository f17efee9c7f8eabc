package dev.bactrian.emit;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import dev.bactrian.config.Masked;
import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;
import dev.bactrian.config.Settings;
import dev.bactrian.error.Cause;
import dev.bactrian.generate.Account;
import dev.bactrian.text.OneLine;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.CamelContext;
import org.apache.camel.Endpoint;
import org.apache.camel.NoSuchBeanException;
import org.apache.camel.Ordered;
import org.apache.camel.RuntimeCamelException;
import org.apache.camel.StartupListener;
import org.apache.camel.component.bean.BeanEndpoint;
import org.apache.camel.component.direct.DirectEndpoint;
import org.apache.camel.component.file.FileEndpoint;
import org.apache.camel.component.seda.SedaEndpoint;
import org.apache.camel.util.StringHelper;
import org.slf4j.Logger;

/**
 * The endpoints of {@code bactrian.emit.*}. Each is checked at startup, as far as possible without sending: an error that shows up only
 * when a result is delivered comes too late, because the result is paid for.
 */
final class DestinationEndpoints implements StartupListener, Ordered {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.emit");
    private static final String BEAN = "bactrianDestinationEndpoints";
    private static final Pattern UNKNOWN_OPTIONS = Pattern.compile("Unknown parameters=\\[\\{(.*)}]");
    private static final Pattern HTTP_PORT = Pattern.compile("^https?:/*(?:[^/?#]*@)?(?:\\[[^/?#]*]|[^/?#:]*):(\\d+)(?=[/?#]|$)");
    private static final Pattern OPTION_NAME = Pattern.compile("[?&]([^=&?]+)=");

    private final CamelContext camelContext;
    private final Settings settings;

    private DestinationEndpoints(CamelContext camelContext) {
        this.camelContext = camelContext;
        settings = Settings.of(camelContext);
    }

    /** Returns the instance of an application, the same object on each call. */
    static DestinationEndpoints of(CamelContext context) {
        synchronized (DestinationEndpoints.class) {
            DestinationEndpoints destinations = context.getRegistry().lookupByNameAndType(BEAN, DestinationEndpoints.class);
            if (destinations == null) {
                destinations = new DestinationEndpoints(context);
                context.getRegistry().bind(BEAN, destinations);
                try {
                    context.addStartupListener(destinations);
                } catch (Exception e) {
                    throw RuntimeCamelException.wrapRuntimeCamelException(e);
                }
            }
            return destinations;
        }
    }

    /** Runs after the startup of other consumers, which a destination may refer to. */
    @Override
    public int getOrder() {
        return LOWEST;
    }

    /** Checks the destinations. All routes and accounts exist by now, and no route has received a request. */
    @Override
    public void onCamelContextStarted(CamelContext context, boolean alreadyStarted) {
        for (Property property : List.of(Property.EMIT_RESULT, Property.EMIT_ERROR, Property.EMIT_CHUNK, Property.EMIT_BATCH)) {
            settings.endpoints(property).forEach(uri -> check(property, uri));
        }
        settings.accounts().forEach(account -> account.endpoints(Property.EMIT_CHUNK).forEach(uri -> check(Property.EMIT_CHUNK, uri)));
        context.getRegistry().findByType(Account.class).forEach(account -> account.chunkEndpoints().forEach(uri -> check(Property.EMIT_CHUNK, uri)));
    }

    /**
     * Checks an endpoint as far as possible without sending.
     *
     * @throws SettingException with a one-line message that names the property and the URI, if it cannot be a destination
     */
    void check(Property property, String uri) {
        if (uri.startsWith("{{")) {
            return;
        }
        String scheme = StringHelper.before(uri, ":", uri);
        if (camelContext.getComponent(scheme) == null) {
            throw new SettingException(property.key(), "no component '" + scheme + "' is on the class path");
        }
        Endpoint endpoint = endpoint(property, uri);
        requireProducer(property, uri, endpoint);
        requireConsumer(property, uri, endpoint);
        requireMethod(property, uri, endpoint);
        requirePort(property, uri);
        requireFolder(property, uri, endpoint);
    }

    private void requireMethod(Property property, String uri, Endpoint endpoint) {
        if (endpoint instanceof BeanEndpoint bean && bean.getMethod() != null) {
            String name = StringHelper.before(bean.getMethod(), "(", bean.getMethod()).trim();
            Object there = camelContext.getRegistry().lookupByName(bean.getBeanName());
            Class<?> type = there == null ? camelContext.getClassResolver().resolveClass(bean.getBeanName()) : there.getClass();
            if (type != null && Arrays.stream(type.getMethods()).noneMatch(method -> method.getName().equals(name))) {
                throw refused(property, uri, "the bean has no method '" + name + "'");
            }
        }
    }

    private static void requirePort(Property property, String uri) {
        Matcher port = HTTP_PORT.matcher(uri);
        if (port.find() && (port.group(1).length() > 5 || Integer.parseInt(port.group(1)) < 1 || Integer.parseInt(port.group(1)) > 65535)) {
            throw refused(property, uri, "a port is 1 to 65535");
        }
    }

    /** Checks that a folder can be created and written, but does not create it; the first file does. */
    private static void requireFolder(Property property, String uri, Endpoint endpoint) {
        if (endpoint instanceof FileEndpoint file) {
            Path there = file.getFile().toPath().toAbsolutePath();
            while (there != null && !Files.exists(there)) {
                there = there.getParent();
            }
            if (there != null && !(Files.isDirectory(there) && Files.isWritable(there))) {
                throw refused(property, uri, there + (Files.isDirectory(there) ? " can't be written" : " is no folder"));
            }
        }
    }

    private Endpoint endpoint(Property property, String uri) {
        try {
            return camelContext.getEndpoint(withTimeouts(DestinationUris.asMeant(uri)));
        } catch (RuntimeException e) {
            throw refused(property, uri, reason(uri, e));
        }
    }

    private String reason(String uri, Exception e) {
        Throwable cause = Cause.of((Throwable) e);
        if (cause instanceof NoSuchBeanException missing) {
            return "no bean is named '" + missing.getName() + "'";
        }
        String message = OneLine.of(String.valueOf(cause.getMessage()));
        Matcher unknown = UNKNOWN_OPTIONS.matcher(message);
        if (unknown.find()) {
            // Only the names: the value of an unknown option may be a secret.
            List<String> names = new ArrayList<>();
            OPTION_NAME.matcher(uri).results().map(option -> option.group(1)).filter(name -> unknown.group(1).contains(name + "=")).forEach(names::add);
            return "has no option " + String.join(", ", names);
        }
        return settings.redact(Masked.text(message));
    }

    private void requireProducer(Property property, String uri, Endpoint endpoint) {
        try {
            if (endpoint.createProducer() == null) {
                throw new UnsupportedOperationException();
            }
        } catch (Exception e) {
            boolean receives = e instanceof UnsupportedOperationException || String.valueOf(e.getMessage()).startsWith("Cannot produce");
            throw refused(property, uri, receives ? "that component only receives" : reason(uri, e));
        }
    }

    /** Checks that a route or another consumer receives what is sent to an in-process endpoint. */
    private void requireConsumer(Property property, String uri, Endpoint endpoint) {
        boolean mock = endpoint.getEndpointUri().startsWith("mock:");
        boolean direct = endpoint instanceof DirectEndpoint;
        boolean seda = endpoint instanceof SedaEndpoint;
        if (!mock && !direct && !seda || isConsumed(endpoint)) {
            return;
        }
        boolean swallows = mock || seda;
        boolean fails = endpoint instanceof DirectEndpoint known && !known.isBlock() && known.isFailIfNoConsumers();
        if (camelContext.getRegistry().lookupByName(Emitter.STANDALONE) != null || !swallows && !fails) {
            throw refused(property, uri, "nothing takes from it: there is no route from it");
        } else if (!mock) {
            LOG.warn("{}: '{}': nothing takes from it: there is no route from it yet", property.key(), Masked.uri(uri));
        }
    }

    private boolean isConsumed(Endpoint endpoint) {
        String name = name(endpoint);
        if (camelContext.getRoutes().stream().anyMatch(route -> name(route.getEndpoint()).equals(name))) {
            return true;
        }
        if (endpoint instanceof SedaEndpoint seda) {
            return !seda.getConsumers().isEmpty();
        }
        return endpoint instanceof DirectEndpoint && isConsumedByNoRoute(name);
    }

    /** Asks with {@code block=false}, because the endpoint itself may wait for a consumer. */
    private boolean isConsumedByNoRoute(String direct) {
        DirectEndpoint asking = camelContext.getEndpoint(direct + "?block=false", DirectEndpoint.class);
        try {
            return asking.getConsumer() != null;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        } finally {
            try {
                camelContext.removeEndpoint(asking);
            } catch (Exception e) {
                LOG.debug("{} stays in the registry", asking, e);
            }
        }
    }

    private static String name(Endpoint endpoint) {
        return StringHelper.before(endpoint.getEndpointUri(), "?", endpoint.getEndpointUri());
    }

    private static SettingException refused(Property property, String uri, String why) {
        return new SettingException(property.key(), "'" + Masked.uri(uri) + "': " + why);
    }

    /**
     * Returns the URI with timeouts for HTTP destinations, {@code bactrian.emit.timeout}, and with as many connections as requests may be
     * processed at once. Options in the URI take precedence.
     */
    String withTimeouts(String uri) {
        if (!DestinationUris.isHttp(uri) || !isCamelHttp(uri)) {
            return uri;
        }
        long timeout = settings.duration(Property.EMIT_TIMEOUT).toMillis();
        int most = settings.count(Property.MAX_IN_FLIGHT);
        StringBuilder target = new StringBuilder(uri);
        add(target, "connectTimeout", timeout);
        add(target, "responseTimeout", timeout);
        add(target, "soTimeout", timeout);
        add(target, "connectionRequestTimeout", timeout);
        add(target, "connectionsPerRoute", most);
        add(target, "maxTotalConnections", most);
        return target.toString();
    }

    private boolean isCamelHttp(String uri) {
        return camelContext.getComponent(StringHelper.before(uri, ":")).getClass().getName().equals("org.apache.camel.component.http.HttpComponent");
    }

    private static void add(StringBuilder uri, String option, long value) {
        if (!Pattern.compile("[?&]" + option + "=").matcher(uri).find()) {
            uri.append(uri.indexOf("?") < 0 ? '?' : '&').append(option).append('=').append(value);
        }
    }
}
