package dev.bactrian.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;

import dev.bactrian.config.Settings;
import dev.bactrian.ledger.Spending.Item;
import dev.bactrian.ledger.Spending.Sum;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What was spent is recorded exactly, by several instances and over restarts. */
class SpendingTest {

    private static final Item CHATS = new Item(Spending.today(), "upstage", "solar-pro4", "", "ab12", "USD");
    private static final Item IMAGES = new Item(Spending.today(), "replicate", "owner/name \"x\"", "team a", "none", "EUR");

    /** What holds wherever it is recorded. */
    abstract static class Contract {

        private final List<Spending> open = new ArrayList<>();

        abstract Settings settings();

        Spending open() {
            Spending spending = Spending.open(settings());
            open.add(spending);
            return spending;
        }

        @AfterEach
        void stop() {
            open.forEach(Spending::stop);
        }

        private Map<Item, Sum> read() {
            return open().read("");
        }

        @Test
        void whatIsAddedIsThereAfterTheStop() {
            Spending spending = open();
            spending.add(CHATS, new BigDecimal("0.00042"));
            spending.add(CHATS, new BigDecimal("0.00000001"));
            spending.add(IMAGES, new BigDecimal("3"));
            spending.stop();

            assertThat(read()).isEqualTo(Map.of(CHATS, new Sum(new BigDecimal("0.00042001"), 2), IMAGES, new Sum(new BigDecimal("3"), 1)));
            assertThat(open().read(Spending.today().toString())).hasSize(2);
            assertThat(open().read("1999")).isEmpty();
        }

        @Test
        void isWrittenWithinSecondsWithoutAStop() {
            open().add(CHATS, BigDecimal.ONE);

            await().until(() -> read().containsKey(CHATS));
        }

        @Test
        void severalInstancesAddToOneSum() throws Exception {
            List<Thread> instances = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                Spending spending = open();
                instances.add(new Thread(() -> {
                    for (int n = 0; n < 25; n++) {
                        spending.add(CHATS, new BigDecimal("0.01"));
                    }
                    spending.stop();
                }));
            }
            instances.forEach(Thread::start);
            for (Thread instance : instances) {
                instance.join();
            }

            assertThat(read()).isEqualTo(Map.of(CHATS, new Sum(new BigDecimal("1.00"), 100)));
        }

        @Test
        void aWatcherSeesTheSumsOfOthers() {
            Spending other = open();
            AtomicReference<Map<Item, Sum>> seen = new AtomicReference<>();
            List<Item> added = new ArrayList<>();
            Spending spending = open();
            spending.add(IMAGES, BigDecimal.ONE);
            spending.watch(new Spending.Watcher() {
                @Override
                public void all(Map<Item, Sum> month) {
                    seen.set(month);
                }

                @Override
                public void added(Item item, Sum amount) {
                    added.add(item);
                }
            });
            assertThat(seen.get()).as("with what is not written yet").containsOnlyKeys(IMAGES);
            other.add(CHATS, BigDecimal.ONE);
            spending.add(IMAGES, BigDecimal.ONE);

            await().until(() -> seen.get().size() == 2);
            assertThat(added).containsExactly(IMAGES);
            await().untilAsserted(() -> assertThat(seen.get().get(IMAGES).requests()).isEqualTo(2));
        }

        @Test
        void longNamesFitAndDaysAreApart() {
            Item yesterday = new Item(LocalDate.of(2026, 1, 31), "replicate", "n/".repeat(300), "a".repeat(300), "none", "USD");
            Spending spending = open();
            spending.add(yesterday, BigDecimal.ONE);
            spending.stop();

            assertThat(open().read("2026-01").keySet()).singleElement().satisfies(item -> {
                assertThat(item.day()).isEqualTo(yesterday.day());
                assertThat(item.model()).startsWith("n/n/").hasSizeLessThan(200);
            });
        }
    }

    @Nested
    class InFiles extends Contract {
        @TempDir
        Path folder;

        @Override
        Settings settings() {
            return Settings.of(Map.of("bactrian.data-dir", folder.toString()));
        }
    }

    @Nested
    class InH2 extends Contract {
        private final String url = "jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1";

        @Override
        Settings settings() {
            return Settings.of(Map.of("bactrian.ledger", url, "bactrian.ledger.user", "sa"));
        }
    }

    @Nested
    @Tag("slow")
    @ExtendWith(PostgreSql.Installed.class)
    class InPostgreSql extends Contract {
        private final PostgreSql postgres;
        private final String url;

        InPostgreSql(PostgreSql postgres) {
            this.postgres = postgres;
            this.url = postgres.database();
        }

        @Override
        Settings settings() {
            return Settings.of(Map.of("bactrian.ledger", url, "bactrian.ledger.user", PostgreSql.USER, "bactrian.ledger.password", PostgreSql.PASSWORD));
        }

        @Test
        void whatIsSpentWhileTheDatabaseIsAwayIsWrittenOnceItIsBack() {
            Spending spending = open();
            postgres.stop();
            try {
                spending.add(CHATS, BigDecimal.ONE);
            } finally {
                postgres.start();
            }
            spending.add(CHATS, BigDecimal.ONE);

            await().untilAsserted(() -> assertThat(open().read("")).isEqualTo(Map.of(CHATS, new Sum(new BigDecimal("2"), 2))));
        }
    }
}
