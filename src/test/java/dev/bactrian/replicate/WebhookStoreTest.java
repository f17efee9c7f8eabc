package dev.bactrian.replicate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WebhookStoreTest {

    private final WebhookStore mailbox = new WebhookStore(100);

    @Test
    void theFirstWebhookIsKeptAndTakenOnce() {
        assertThat(mailbox.put("p1", "first", 5)).isTrue();
        assertThat(mailbox.put("p1", "second", 6)).isFalse();

        assertThat(mailbox.take("p1")).isEqualTo("first");
        assertThat(mailbox.take("p1")).isNull();
        assertThat(mailbox.take("p2")).isNull();
    }

    @Test
    void webhooksThatNobodyAsksForMakeRoom() {
        for (int i = 0; i < 1000; i++) {
            mailbox.put("p" + i, "text", 10);
        }

        assertThat(mailbox.size()).isEqualTo(10);
        assertThat(mailbox.take("p989")).isNull();
        assertThat(mailbox.take("p990")).isEqualTo("text");
    }

    @Test
    void emptyWebhooksMakeRoomToo() {
        for (int i = 0; i < 20_000; i++) {
            mailbox.put("p" + i, "", 0);
        }

        assertThat(mailbox.size()).isEqualTo(10_000);
    }
}
