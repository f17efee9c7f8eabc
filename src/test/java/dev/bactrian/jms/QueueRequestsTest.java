package dev.bactrian.jms;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.LongStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QueueRequestsTest {

    @ParameterizedTest
    @CsvSource({"0,0", "20,20", "99,99", "100,100", "101,110", "1000,1000", "1234,1300", "29999,30000"})
    void aDelayIsRoundedUpToTwoDigits(long millis, long rounded) {
        assertThat(QueueRequests.rounded(millis)).isEqualTo(rounded);
    }

    /** Each is an endpoint of its own. */
    @Test
    void thereAreFewDelays() {
        assertThat(LongStream.rangeClosed(0, 30_000).map(QueueRequests::rounded).distinct().count()).isLessThan(350);
    }
}
