package dev.bactrian.ledger;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLIntegrityConstraintViolationException;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;

import dev.bactrian.config.Property;
import dev.bactrian.text.OneLineLogger;
import org.apache.camel.support.service.ServiceSupport;
import org.slf4j.Logger;

import javax.sql.DataSource;

/**
 * Stores records in a database that several instances share: one row each in the table {@code bactrian_ledger}, which is created if
 * it is missing.
 *
 * <p>Each statement is plain SQL and a transaction of its own. While the database is down, operations fail, but nothing else does;
 * the table need not exist before the first use.
 */
public final class JdbcRecords extends ServiceSupport implements Records {

    private static final Logger LOG = OneLineLogger.of("dev.bactrian.ledger");

    private static final String CREATE = "CREATE TABLE bactrian_ledger (entry_key VARCHAR(255) PRIMARY KEY, "
            + "entry_value VARCHAR(512) NOT NULL, written_at BIGINT NOT NULL)";
    private static final String PROBE = "SELECT entry_key FROM bactrian_ledger WHERE 1 = 0";
    private static final String SELECT = "SELECT entry_value FROM bactrian_ledger WHERE entry_key = ?";
    private static final String LIST = "SELECT entry_key, entry_value FROM bactrian_ledger WHERE entry_key LIKE ? ESCAPE '!'";
    private static final String INSERT = "INSERT INTO bactrian_ledger (entry_value, written_at, entry_key) VALUES (?, ?, ?)";
    private static final String UPDATE = "UPDATE bactrian_ledger SET entry_value = ?, written_at = ? WHERE entry_key = ?";
    private static final String REPLACE = UPDATE + " AND entry_value = ?";
    private static final String DELETE = "DELETE FROM bactrian_ledger WHERE entry_key = ?";
    private static final String FORGET = "DELETE FROM bactrian_ledger WHERE entry_key LIKE ? ESCAPE '!' AND written_at <= ?";

    private static final String COUNT = "SELECT COUNT(*) FROM bactrian_ledger WHERE entry_key LIKE ? ESCAPE '!' AND written_at > ?";

    /** For how long broken connections of the pool are replaced, one after the other, after the database was restarted. */
    private static final Duration PATIENCE = Duration.ofSeconds(3);
    /** How often an entry may appear and disappear concurrently before the operation fails. */
    private static final int RACES = 100;

    private final DataSource dataSource;
    private final boolean ours;
    private volatile boolean ready;

    /** Creates records in that database. Does not close the data source. */
    public JdbcRecords(DataSource dataSource) {
        this(dataSource, false);
    }

    JdbcRecords(DataSource dataSource, boolean ours) {
        this.dataSource = dataSource;
        this.ours = ours;
    }

    /** Creates the table, or logs why that has to wait for the first use. */
    @Override
    protected void doStart() {
        try {
            use(connection -> null);
        } catch (IllegalStateException e) {
            LOG.warn("{}: {}; it is asked again with each request", Property.LEDGER.key(), e.getMessage());
        }
    }

    @Override
    protected void doStop() throws Exception {
        if (ours && dataSource instanceof AutoCloseable pool) {
            pool.close();
        }
    }

    @Override
    public String getState(String key) {
        return use(connection -> value(connection, key));
    }

    @Override
    public void setState(String key, String value) {
        use(connection -> {
            if (value == null) {
                return update(connection, DELETE, key);
            }
            for (int race = 0; race < RACES; race++) {
                if (update(connection, UPDATE, value, System.currentTimeMillis(), key) > 0 || inserted(connection, key, value)) {
                    return null;
                }
            }
            throw new SQLException("the entry can neither be updated nor inserted");
        });
    }

    @Override
    public String putIfAbsent(String key, String value) {
        return use(connection -> {
            for (int race = 0; race < RACES; race++) {
                if (inserted(connection, key, value)) {
                    return null;
                }
                String there = value(connection, key);
                if (there != null) {
                    return there;
                }
            }
            throw new SQLException("the entry can neither be inserted nor read");
        });
    }

    @Override
    public boolean replace(String key, String before, String after) {
        return use(connection -> update(connection, REPLACE, after, System.currentTimeMillis(), key, before) > 0);
    }

    @Override
    public Map<String, String> list(String prefix) {
        return use(connection -> {
            Map<String, String> found = new TreeMap<>();
            try (PreparedStatement statement = connection.prepareStatement(LIST)) {
                statement.setString(1, pattern(prefix));
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        found.put(rows.getString(1), rows.getString(2));
                    }
                }
            }
            return found;
        });
    }

    private static String pattern(String prefix) {
        return prefix.replaceAll("[!%_]", "!$0") + "%";
    }

    @Override
    public void forgetOlderThan(String prefix, Duration age) {
        use(connection -> update(connection, FORGET, pattern(prefix), System.currentTimeMillis() - age.toMillis()));
    }

    /** Returns the number of entries with that key prefix that were written within that time. */
    int count(String prefix, Duration age) {
        return use(connection -> {
            try (PreparedStatement statement = connection.prepareStatement(COUNT)) {
                statement.setString(1, pattern(prefix));
                statement.setLong(2, System.currentTimeMillis() - age.toMillis());
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    return rows.getInt(1);
                }
            }
        });
    }

    private static String value(Connection connection, String key) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(SELECT)) {
            statement.setString(1, key);
            try (ResultSet rows = statement.executeQuery()) {
                return rows.next() ? rows.getString(1) : null;
            }
        }
    }

    /** Returns false if the key exists. */
    private static boolean inserted(Connection connection, String key, String value) throws SQLException {
        try {
            return update(connection, INSERT, value, System.currentTimeMillis(), key) > 0;
        } catch (SQLException e) {
            boolean duplicate = e instanceof SQLIntegrityConstraintViolationException || e.getSQLState() != null && e.getSQLState().startsWith("23");
            if (!duplicate) {
                throw e;
            }
            return false;
        }
    }

    private static int update(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            return statement.executeUpdate();
        }
    }

    private interface Work<T> {
        T with(Connection connection) throws SQLException;
    }

    private <T> T use(Work<T> work) {
        long begun = System.nanoTime();
        try {
            while (true) {
                try (Connection connection = dataSource.getConnection()) {
                    try {
                        prepare(connection);
                        return work.with(connection);
                    } catch (SQLException e) {
                        // Repeating the work is safe, and the pool may have further broken connections.
                        if (!isBroken(connection) || System.nanoTime() - begun > PATIENCE.toNanos()) {
                            throw e;
                        }
                    }
                }
            }
        } catch (SQLException e) {
            throw new IllegalStateException("the database can't be used: " + reason(e), e);
        }
    }

    private void prepare(Connection connection) throws SQLException {
        if (!connection.getAutoCommit()) {
            connection.setAutoCommit(true);
        }
        if (ready) {
            return;
        }
        // One thread at a time: an embedded database may show a table before it has its primary key.
        synchronized (JdbcRecords.class) {
            try {
                probe(connection);
            } catch (SQLException missing) {
                create(connection);
            }
        }
        ready = true;
    }

    private static void create(Connection connection) throws SQLException {
        try {
            update(connection, CREATE);
        } catch (SQLException e) {
            try {
                // Another instance may have created the table at the same time.
                probe(connection);
            } catch (SQLException stillMissing) {
                throw e;
            }
        }
    }

    private static void probe(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(PROBE)) {
            statement.executeQuery().close();
        }
    }

    private static boolean isBroken(Connection connection) {
        try {
            return !connection.isValid(1);
        } catch (SQLException e) {
            return true;
        }
    }

    /** Returns the driver's message; the pool's own only says that there is no connection. */
    private static String reason(SQLException failure) {
        Throwable cause = failure;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        return String.valueOf(cause.getMessage()).replaceAll("\\s+", " ").trim();
    }
}
