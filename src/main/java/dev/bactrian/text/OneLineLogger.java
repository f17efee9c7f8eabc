package dev.bactrian.text;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.AbstractLogger;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;
import org.slf4j.spi.LocationAwareLogger;

/**
 * A logger that writes each message on one line, whatever names, texts and exceptions it contains. So nobody can forge a log line,
 * or move the cursor of a terminal that shows the log.
 */
public final class OneLineLogger extends LegacyAbstractLogger {

    private static final long serialVersionUID = 1L;
    /** The class whose caller log backends show as the source location. */
    private static final String CALLERS_CALLEE = AbstractLogger.class.getName();
    private static final int DEEPEST = 20;

    private final transient Logger target;

    /** Creates a logger that delegates to another one. */
    public OneLineLogger(Logger target) {
        this.target = target;
        this.name = target.getName();
    }

    /** Returns the logger of that name. All classes of Bactrian get their loggers from here. */
    public static Logger of(String name) {
        return new OneLineLogger(LoggerFactory.getLogger(name));
    }

    @Override
    protected void handleNormalizedLoggingCall(Level level, Marker marker, String pattern, Object[] arguments, Throwable thrown) {
        String line = OneLine.escaped(String.valueOf(MessageFormatter.basicArrayFormat(pattern, arguments)));
        Throwable shown = thrown == null ? null : shown(thrown, 0);
        if (target instanceof LocationAwareLogger aware) {
            aware.log(marker, CALLERS_CALLEE, level.toInt(), line, null, shown);
            return;
        }
        switch (level) {
            case ERROR -> target.error(marker, line, shown);
            case WARN -> target.warn(marker, line, shown);
            case INFO -> target.info(marker, line, shown);
            case DEBUG -> target.debug(marker, line, shown);
            default -> target.trace(marker, line, shown);
        }
    }

    @Override
    protected String getFullyQualifiedCallerName() {
        return CALLERS_CALLEE;
    }

    @Override
    public boolean isTraceEnabled() {
        return target.isTraceEnabled();
    }

    @Override
    public boolean isDebugEnabled() {
        return target.isDebugEnabled();
    }

    @Override
    public boolean isInfoEnabled() {
        return target.isInfoEnabled();
    }

    @Override
    public boolean isWarnEnabled() {
        return target.isWarnEnabled();
    }

    @Override
    public boolean isErrorEnabled() {
        return target.isErrorEnabled();
    }

    /** Returns the exception, or a copy with escaped messages if one of its messages is longer than a line. */
    private static Throwable shown(Throwable thrown, int depth) {
        Throwable cause = thrown.getCause() == null || depth >= DEEPEST ? null : shown(thrown.getCause(), depth + 1);
        String words = OneLine.escaped(String.valueOf(thrown));
        return words.equals(String.valueOf(thrown)) && cause == thrown.getCause() ? thrown : new Shown(words, thrown, cause);
    }

    private static final class Shown extends Throwable {

        private static final long serialVersionUID = 1L;

        private final String words;

        Shown(String words, Throwable thrown, Throwable cause) {
            super(thrown.getMessage(), cause);
            this.words = words;
            setStackTrace(thrown.getStackTrace());
        }

        @Override
        public String getMessage() {
            return super.getMessage() == null ? null : OneLine.escaped(super.getMessage());
        }

        @Override
        public String toString() {
            return words;
        }
    }
}
