package dev.bactrian.ledger;

import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.util.Properties;
import java.util.logging.Logger;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.bactrian.config.Property;
import dev.bactrian.config.SettingException;

import javax.sql.DataSource;

/**
 * The database of a {@code jdbc:} URL. The only class that needs HikariCP.
 *
 * <p>The pool gets connections and not the URL: the URL may hold a password, and drivers and pools put URLs into logs and exceptions.
 */
final class Database implements DataSource {

    private static final int CONNECTIONS = 8;
    private static final int CONNECT_SECONDS = 3;
    /** More than the maximum of 5 s between the pool's attempts, so that the first request after an outage gets a connection. */
    private static final int WAIT_MILLIS = 6_000;
    private static final int ANSWER_MILLIS = 10_000;

    private final Driver driver;
    private final String url;
    private final String user;
    private final String password;

    private Database(Driver driver, String url, String user, String password) {
        this.driver = driver;
        this.url = url;
        this.user = user;
        this.password = password;
    }

    /**
     * Creates the records. Does not connect yet.
     *
     * @throws SettingException if no driver accepts the URL
     */
    static JdbcRecords open(String url, String user, String password) {
        HikariConfig config = new HikariConfig();
        config.setPoolName("bactrian-ledger");
        config.setDataSource(new Database(driver(url), url, user, password));
        config.setMaximumPoolSize(CONNECTIONS);
        config.setMinimumIdle(1);
        config.setIdleTimeout(60_000);
        config.setConnectionTimeout(WAIT_MILLIS);
        config.setValidationTimeout(2_000);
        // Starts even if the database is down.
        config.setInitializationFailTimeout(-1);
        return new JdbcRecords(new HikariDataSource(config), true);
    }

    private static Driver driver(String url) {
        try {
            // Looks up the driver without what follows the database's name: a driver that cannot parse a URL logs it.
            return DriverManager.getDriver(url.replaceFirst("[?;].*", ""));
        } catch (SQLException e) {
            throw new SettingException(Property.LEDGER.key(), "no driver for a URL that begins with '"
                    + url.replaceFirst("^(jdbc:[^:]{0,30}:?).*", "$1") + "' is on the class path");
        }
    }

    @Override
    public Connection getConnection() throws SQLException {
        Properties properties = new Properties();
        if (user != null) {
            properties.setProperty("user", user);
        }
        if (password != null) {
            properties.setProperty("password", password);
        }
        properties.setProperty("loginTimeout", Integer.toString(CONNECT_SECONDS));
        Connection connection;
        try {
            connection = driver.connect(url, properties);
        } catch (SQLException e) {
            throw new SQLException(clean(e.getMessage()), e.getSQLState(), e.getErrorCode());
        }
        if (connection == null) {
            throw new SQLException("the driver does not understand the URL");
        }
        try {
            connection.setNetworkTimeout(Runnable::run, ANSWER_MILLIS);
        } catch (SQLFeatureNotSupportedException e) {
            // then the driver's own timeout applies
        } catch (SQLException | RuntimeException e) {
            connection.close();
            throw e;
        }
        return connection;
    }

    private String clean(String message) {
        String clean = String.valueOf(message).replace(url, "the URL").replaceAll("(?i)(password=)[^&;\\s]*", "$1***");
        return password == null || password.isBlank() ? clean : clean.replace(password, "***");
    }

    @Override
    public Connection getConnection(String otherUser, String otherPassword) throws SQLException {
        throw new SQLFeatureNotSupportedException();
    }

    @Override
    public int getLoginTimeout() {
        return CONNECT_SECONDS;
    }

    @Override
    public void setLoginTimeout(int seconds) {
        // not supported; the timeout is CONNECT_SECONDS
    }

    @Override
    public PrintWriter getLogWriter() {
        return null;
    }

    @Override
    public void setLogWriter(PrintWriter writer) {
        // nothing is written
    }

    @Override
    public Logger getParentLogger() throws SQLFeatureNotSupportedException {
        throw new SQLFeatureNotSupportedException();
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        throw new SQLFeatureNotSupportedException();
    }

    @Override
    public boolean isWrapperFor(Class<?> type) {
        return false;
    }

    @Override
    public String toString() {
        return "the database of " + Property.LEDGER.key();
    }
}
