package dev.bactrian.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import dev.bactrian.config.SettingException;
import dev.bactrian.error.ErrorType;
import dev.bactrian.error.GenerationFailure;
import dev.bactrian.generate.Generation;
import dev.bactrian.ledger.Ledger.Claim;
import dev.bactrian.model.Kind;
import dev.bactrian.model.Model;
import dev.bactrian.model.ProviderName;
import dev.bactrian.replicate.PollCounts;
import dev.bactrian.replicate.PollState;
import dev.bactrian.request.GenerateRequest;
import dev.bactrian.support.CapturedLog;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.spi.StateRepository;
import org.apache.camel.support.processor.state.FileStateRepository;
import org.apache.camel.support.processor.state.MemoryStateRepository;
import org.apache.camel.support.service.ServiceSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the ledger makes of its records: which message claimed an id, for how long; and where it keeps them. */
class LedgerTest {

    private static final String A_DAY = "24h";

    @TempDir
    Path folder;
    private final String database = "jdbc:h2:mem:" + UUID.randomUUID() + ";DB_CLOSE_DELAY=-1";
    private final Map<String, String> states = new ConcurrentHashMap<>();
    private final Map<String, Object> beans = new ConcurrentHashMap<>();
    private final List<Ledger> ledgers = new ArrayList<>();

    /** Where ledgers share what they remember. */
    enum Where { FILES, DATABASE, HOST }

    /** A repository of the host, which can do no more than it has to. */
    private class Repository extends ServiceSupport implements StateRepository<String, String> {
        @Override
        public void setState(String key, String value) {
            states.compute(key, (k, v) -> value);
        }

        @Override
        public String getState(String key) {
            return states.get(key);
        }
    }

    private final Repository repository = new Repository();
    /** One for all ledgers of a test: it is of one process. */
    private final HostRecords host = new HostRecords(repository);

    private Ledger ledger(String... properties) {
        DefaultCamelContext context = new DefaultCamelContext();
        Properties all = new Properties();
        all.setProperty("bactrian.data-dir", folder.resolve("data").toString());
        for (int i = 0; i < properties.length; i += 2) {
            all.setProperty(properties[i], properties[i + 1]);
        }
        context.getPropertiesComponent().setInitialProperties(all);
        context.getRegistry().bind("plain", repository);
        context.getRegistry().bind("host", host);
        beans.forEach(context.getRegistry()::bind);
        Ledger ledger = new Ledger();
        ledger.setCamelContext(context);
        ledger.start();
        ledgers.add(ledger);
        return ledger;
    }

    private Ledger remembering(Where where, String duration) {
        String ledger = switch (where) {
            case FILES -> "";
            case DATABASE -> database;
            case HOST -> "host";
        };
        return ledger("bactrian.ledger", ledger, "bactrian.jms.remember", duration);
    }

    @AfterEach
    void stop() {
        ledgers.forEach(Ledger::stop);
    }

    private List<String> files() {
        if (!Files.exists(folder.resolve("data/predictions"))) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder.resolve("data/predictions"))) {
            return files.map(file -> file.getFileName().toString()).filter(name -> !name.startsWith(".")).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0s"})
    void whereNothingIsToBeRememberedEveryMessageMayClaim(String none) {
        Ledger ledger = ledger("bactrian.jms.remember", none);

        assertThat(ledger.claim("r1", "m1")).isTrue();
        assertThat(ledger.claim("r1", "m2")).isTrue();
        ledger.unclaim("r1");
        assertThat(files()).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void anIdIsClaimedByOneMessageHoweverOftenThatComes(Where where) {
        Ledger one = remembering(where, A_DAY);
        Ledger other = remembering(where, A_DAY);

        assertThat(one.claim("r1", "m1")).isTrue();
        assertThat(one.claim("r1", "m1")).as("a redelivery").isTrue();
        assertThat(other.claim("r1", "m1")).as("a redelivery to another instance").isTrue();
        assertThat(one.claim("r1", "m2")).isFalse();
        assertThat(other.claim("r1", "m2")).isFalse();
        assertThat(other.claim("r2", "m2")).as("another id").isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void aClaimThatIsTakenBackLeavesTheIdToAnother(Where where) {
        Ledger ledger = remembering(where, A_DAY);
        ledger.claim("r1", "m1");

        ledger.unclaim("r1");

        assertThat(ledger.claim("r1", "m2")).isTrue();
        assertThat(ledger.claim("r1", "m1")).isFalse();
    }

    @ParameterizedTest
    @EnumSource
    void aClaimEndsWhenItsTimeIsOver(Where where) {
        Ledger ledger = remembering(where, "1s");
        assertThat(ledger.claim("r1", "m1")).isTrue();
        assertThat(ledger.claim("r1", "m2")).isFalse();

        await().until(() -> ledger.claim("r1", "m2"));
        assertThat(ledger.claim("r1", "m1")).as("it is the other's now").isFalse();
    }

    @ParameterizedTest
    @EnumSource
    void ofManyMessagesAtOnceOneClaimsAFreeId(Where where) throws Exception {
        Ledger one = remembering(where, "2s");
        Ledger other = remembering(where, "2s");
        for (int round = 0; round < 2; round++) {
            int first = round * 12;
            if (round > 0) {
                // Until this one's time is over, so is that of the claim.
                one.claim("later", "m1");
                await().pollInterval(Duration.ofMillis(50)).until(() -> one.claim("later", "m2"));
            }

            List<Boolean> claimed = RecordsContract.atOnce(IntStream.range(first, first + 12)
                    .<Callable<Boolean>>mapToObj(i -> () -> (i % 2 == 0 ? one : other).claim("r1", "m" + i)).toList());

            assertThat(claimed).containsOnlyOnce(true);
        }
    }

    @Test
    void aMessageWithoutAnIdMayComeAgain() {
        Ledger ledger = remembering(Where.FILES, A_DAY);

        assertThat(ledger.claim("r1", null)).isTrue();
        assertThat(ledger.claim("r1", null)).isTrue();
        assertThat(ledger.claim("r1", "m1")).isFalse();
    }

    @Test
    void claimsWhoseTimeIsOverAreForgottenAndPredictionsAreNot() throws IOException {
        Ledger ledger = remembering(Where.FILES, "500ms");
        Files.createDirectories(folder.resolve("data/predictions"));
        Generation generation = generation("request-1");
        Files.writeString(folder.resolve("data/predictions").resolve(generation.recallKey()), "p1");
        for (int i = 0; i < 10; i++) {
            ledger.claim("r" + i, "m1");
        }
        assertThat(files()).hasSize(11);

        await().untilAsserted(() -> {
            ledger.claim("last", "m1");
            assertThat(files()).hasSizeLessThanOrEqualTo(2);
        });
        assertThat(ledger.recall(generation)).isEqualTo("p1");
    }

    @Test
    void aRepositoryThatOnlySetsAndGetsWillDo() {
        Ledger ledger = ledger("bactrian.ledger", "plain", "bactrian.jms.remember", A_DAY);

        assertThat(ledger.claim("r1", "m1")).isTrue();
        assertThat(ledger.claim("r1", "m2")).isFalse();
        assertThat(states).hasSize(1);
    }

    /** Repositories that Camel brings; neither takes a null. */
    enum Camels { MEMORY, FILE }

    @ParameterizedTest
    @EnumSource
    void camelsOwnRepositoriesWillDo(Camels which) {
        StateRepository<String, String> camels = which == Camels.MEMORY ? new MemoryStateRepository()
                : FileStateRepository.fileStateRepository(folder.resolve("states").toFile());
        camels.start();
        beans.put("camels", camels);
        Ledger ledger = ledger("bactrian.ledger", "camels", "bactrian.jms.remember", A_DAY);
        Generation generation = generation("request-1");

        ledger.record(generation, PollState.resume("p1", "starting", new PollCounts(0, 0, 0, 0), null));
        assertThat(ledger.recall(generation)).isEqualTo("p1");
        ledger.forget(generation.recallKey());
        assertThat(ledger.recall(generation)).as("done with").isNull();

        assertThat(ledger.claim("r1", "m1")).isTrue();
        assertThat(ledger.claim("r1", "m2")).isFalse();
        ledger.unclaim("r1");
        assertThat(ledger.claim("r1", "m2")).isTrue();
        assertThat(ledger.again("m2")).isOne();
        assertThat(ledger.again("m2")).isEqualTo(2);
        camels.stop();
    }

    @Test
    void whereItCannotBeKnownNothingIsClaimed() throws IOException {
        Files.writeString(folder.resolve("data"), "not a folder");
        Ledger ledger = remembering(Where.FILES, A_DAY);

        assertThatThrownBy(() -> ledger.claim("r1", "m1")).isInstanceOfSatisfying(GenerationFailure.class, failure -> {
            assertThat(failure.type()).isEqualTo(ErrorType.PROVIDER_UNAVAILABLE);
            assertThat(failure.retryable()).isTrue();
        });
        assertThatCode(() -> ledger.unclaim("r1")).doesNotThrowAnyException();
        assertThatCode(() -> ledger.forget("r1")).doesNotThrowAnyException();
    }

    @Test
    void aRecordToBeForgottenIsNotResumedAndItsIdIsFree() {
        AtomicBoolean away = new AtomicBoolean(true);
        beans.put("shaky", new HostRecords(new Repository() {
            @Override
            public void setState(String key, String value) {
                if (value == null && away.get()) {
                    throw new IllegalStateException("away");
                }
                super.setState(key, value);
            }
        }));
        List<String> said = new ArrayList<>();
        Ledger shaky = listening(said, () -> {
            Ledger ledger = ledger("bactrian.ledger", "shaky", "bactrian.jms.remember", A_DAY);
            Generation generation = generation("request-1");
            ledger.record(generation, PollState.resume("p1", "starting", new PollCounts(0, 0, 0, 0), null));
            ledger.claim("r1", "m1");
            ledger.forget(generation.recallKey());
            ledger.unclaim("r1");
            for (int i = 0; i < Forgetting.MOST + 10; i++) {
                ledger.forget("key-" + i);
            }
            assertThatThrownBy(() -> ledger.recall(generation)).as("it may be done with").isInstanceOf(GenerationFailure.class);
            away.set(false);
            assertThat(ledger.recall(generation)).isNull();
            assertThat(ledger.claim("r1", "m2")).isTrue();
            return ledger;
        });

        await().until(() -> states.size() == 1);
        assertThat(shaky.claim("r1", "m1")).isFalse();
        assertThat(said.stream().filter(line -> line.contains("forgotten"))).hasSize(1);
        assertThat(said.stream().filter(line -> line.contains("back"))).hasSizeLessThanOrEqualTo(1);
    }

    @Test
    void nothingCanBeForgotten() {
        Ledger ledger = remembering(Where.DATABASE, A_DAY);

        assertThatCode(() -> ledger.forget(null)).doesNotThrowAnyException();
        assertThatCode(() -> ledger.forget("never-there")).doesNotThrowAnyException();
    }

    @Tag("slow")
    @Test
    void aDatabaseThatIsAwayIsOneLineOfTheLogAndAFailureOfEachRequest() {
        List<String> said = new ArrayList<>();
        // Nobody listens at port 1.
        Ledger ledger = listening(said, () -> ledger("bactrian.jms.remember", A_DAY,
                "bactrian.ledger", "jdbc:postgresql://127.0.0.1:1/nowhere?password=url_canary&sslpassword=ssl_canary",
                "bactrian.ledger.user", "camel", "bactrian.ledger.password", "db_canary"));

        assertThat(said).hasSize(1).first().asString().contains("WARN").contains("bactrian.ledger:").contains("refused").doesNotContain("canary");
        assertThatThrownBy(() -> ledger.claim("r1", "m1")).isInstanceOf(GenerationFailure.class)
                .hasMessageContaining("bactrian.ledger").hasMessageContaining("refused").satisfies(LedgerTest::showsNoSecret);
    }

    @Tag("slow")
    @Test
    void aUrlThatItsDriverCannotReadIsNotShown() {
        List<String> said = new ArrayList<>();
        listening(said, () -> ledger("bactrian.ledger", "jdbc:h2:mem:x;PASSWORD=url_canary;y", "bactrian.ledger.password", "db_canary"));

        assertThat(said).hasSize(1).first().asString().contains("WARN").contains("bactrian.ledger:").doesNotContain("canary");
    }

    /** Does this and keeps the lines of the log. */
    private static Ledger listening(List<String> said, Callable<Ledger> work) {
        CapturedLog log = new CapturedLog();
        try {
            return work.call();
        } catch (Exception e) {
            throw new AssertionError(e);
        } finally {
            log.close();
            log.toString().lines().forEach(said::add);
        }
    }

    private static void showsNoSecret(Throwable failure) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace));
        assertThat(trace.toString()).doesNotContain("canary");
    }

    @Test
    void aDatabaseWithoutItsDriverStopsTheStart() {
        assertThatThrownBy(() -> ledger("bactrian.ledger", "jdbc:nosuch://user:canary@host/db?password=canary")).isInstanceOf(SettingException.class)
                .hasMessageStartingWith("bactrian.ledger: ").hasMessageContaining("jdbc:nosuch").message().doesNotContain("canary");
    }

    /** As in an application that embeds the jar, where HikariCP is nobody's. */
    @Test
    void aDatabaseWithoutHikariStopsTheStartAndFilesNeedNone() throws Exception {
        URL[] path = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !entry.contains("HikariCP")).map(entry -> {
                    try {
                        return Path.of(entry).toUri().toURL();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }).toArray(URL[]::new);
        try (URLClassLoader loader = new URLClassLoader(path, ClassLoader.getPlatformClassLoader())) {
            assertThatThrownBy(() -> loader.loadClass("com.zaxxer.hikari.HikariDataSource")).isInstanceOf(ClassNotFoundException.class);

            assertThat(embedded(loader, "")).isEqualTo("started");
            assertThat(embedded(loader, database)).asString().startsWith("bactrian.ledger: ").contains("HikariCP");
        }
    }

    private static Object embedded(ClassLoader loader, String ledger) throws Exception {
        ClassLoader own = Thread.currentThread().getContextClassLoader();
        Thread.currentThread().setContextClassLoader(loader);
        try {
            return ((Callable<?>) loader.loadClass(Embedded.class.getName()).getConstructor(String.class).newInstance(ledger)).call();
        } finally {
            Thread.currentThread().setContextClassLoader(own);
        }
    }

    /** Starts a ledger with the classes that there are; what came of it. */
    public static final class Embedded implements Callable<String> {
        private final String where;

        public Embedded(String where) {
            this.where = where;
        }

        @Override
        public String call() throws IOException {
            try (DefaultCamelContext context = new DefaultCamelContext()) {
                Properties properties = new Properties();
                properties.setProperty("bactrian.ledger", where);
                context.getPropertiesComponent().setInitialProperties(properties);
                Ledger ledger = new Ledger();
                ledger.setCamelContext(context);
                ledger.start();
                ledger.stop();
                return "started";
            } catch (SettingException e) {
                return e.getMessage();
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPredictionThatAnEarlierVersionRememberedIsFound(Where where) {
        Ledger ledger = remembering(where, A_DAY);
        Generation before = generation("___-02a656a8");
        Generation now = new Generation("___-0123456789abcdef01234567", before.request(), before.model(), "___-0123456789abcdef01234567-a",
                before.startedAt(), before.startNano(), null, before.recallKey(), null, before.fallback());
        ledger.record(before, PollState.resume("p1", "starting", new PollCounts(0, 0, 0, 0), null));

        assertThat(ledger.recall(now)).isEqualTo("p1");
        assertThat(ledger.recall(now)).isEqualTo("p1");
        assertThat(ledger.recall(before)).isNull();
        ledger.forget(now.recallKey());
        assertThat(ledger.recall(now)).isNull();
    }

    /** One request may come again and is recorded in a file, the other in memory. */
    @Test
    void aPredictionMadeAndFoundAtOnceIsOneRequests() throws Exception {
        Ledger ledger = remembering(Where.FILES, A_DAY);
        ExecutorService finders = Executors.newSingleThreadExecutor();
        try {
            for (int i = 0; i < 200; i++) {
                String prediction = "p" + i;
                Generation creator = generation("creator-" + i);
                Generation finder = generation("finder-" + i, false);
                CyclicBarrier together = new CyclicBarrier(2);
                Future<Claim> found = finders.submit(() -> {
                    together.await(10, TimeUnit.SECONDS);
                    return ledger.take(finder, prediction);
                });
                together.await(10, TimeUnit.SECONDS);
                boolean made = ledger.record(creator, PollState.resume(prediction, "starting", new PollCounts(0, 0, 0, 0), null));

                assertThat(found.get(10, TimeUnit.SECONDS)).isEqualTo(made ? Claim.MADE_BY_ANOTHER : Claim.TAKEN);
            }
        } finally {
            finders.shutdownNow();
        }
    }

    private static Generation generation(String id) {
        return generation(id, true);
    }

    private static Generation generation(String id, boolean mayComeAgain) {
        Model model = new Model(ProviderName.REPLICATE, "google-deepmind/gemma-2b-it", Kind.TEXT, "dff9");
        return Generation.begin(id, GenerateRequest.ofPrompt("p"), model, mayComeAgain, "");
    }
}
