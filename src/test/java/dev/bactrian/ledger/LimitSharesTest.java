package dev.bactrian.ledger;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.UUID;

import org.junit.jupiter.api.Test;

/** How many instances use a limit, by a database that they share. */
class LimitSharesTest {

    @Test
    void theInstancesThatUseALimitAreCounted() {
        String url = "jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1";
        JdbcRecords one = Database.open(url, null, null);
        JdbcRecords other = Database.open(url, null, null);
        LimitShares here = new LimitShares(one);
        LimitShares there = new LimitShares(other);

        assertThat(here.instances("creates")).isEqualTo(1);
        assertThat(there.instances("creates")).isEqualTo(2);
        assertThat(here.instances("creates")).isEqualTo(2);
        assertThat(here.instances("polls")).as("another limit").isEqualTo(1);
        there.leave();
        assertThat(here.instances("creates")).isEqualTo(1);

        one.stop();
        assertThat(here.instances("creates")).as("the database is away").isZero();
        other.stop();
    }
}
