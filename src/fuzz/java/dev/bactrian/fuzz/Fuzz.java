package dev.bactrian.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * {@code Fuzz [seed=N] [cases=N] [case=N]}: makes so many cases from a seed, one of another, and holds each against what
 * must be true of it. The seed is printed, as is, for what does not hold, how to see that case again. Ends with 1 where
 * anything did not hold.
 */
public final class Fuzz {

    private static final long LONGEST_CASE_NANO = TimeUnit.SECONDS.toNanos(20);
    private static final long LONGEST_SHRINKING_NANO = TimeUnit.SECONDS.toNanos(2);
    private static final int MOST_FINDINGS = 50;
    private static final int MOST_SHOWN = 3000;

    /** What makes cases: of ten cases four are chats, two are of each other kind. */
    private enum Target {
        CHAT_STREAM(4) {
            @Override
            Case next(Dice dice) {
                return ChatStreams.next(dice);
            }
        },
        PREDICTION_STREAM(2) {
            @Override
            Case next(Dice dice) {
                return PredictionStreams.next(dice);
            }
        },
        REQUEST(2) {
            @Override
            Case next(Dice dice) {
                return Requests.next(dice);
            }
        },
        PREDICTION(2) {
            @Override
            Case next(Dice dice) {
                return Predictions.next(dice);
            }
        };

        private final int share;

        Target(int share) {
            this.share = share;
        }

        abstract Case next(Dice dice);

        static Target of(Dice dice) {
            int at = dice.below(10);
            for (Target target : values()) {
                at -= target.share;
                if (at < 0) {
                    return target;
                }
            }
            throw new IllegalStateException();
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    private final long seed;
    private final AtomicLong next = new AtomicLong();
    private final Map<String, Integer> findings = new TreeMap<>();
    private final Map<Target, AtomicLong> counts = new EnumMap<>(Target.class);

    private Fuzz(long seed) {
        this.seed = seed;
        for (Target target : Target.values()) {
            counts.put(target, new AtomicLong());
        }
    }

    /** Runs in the project's folder, once it is packaged. */
    public static void main(String[] args) throws InterruptedException {
        Map<String, String> options = new TreeMap<>(Map.of("seed", "", "cases", "", "case", ""));
        for (String arg : args) {
            String[] option = arg.split("=", 2);
            if (option.length < 2 || options.put(option[0], option[1]) == null || !option[1].matches("-?\\d*")) {
                System.err.println("usage: Fuzz [seed=N] [cases=N] [case=N]");
                System.exit(2);
            }
        }
        Fuzz fuzz = new Fuzz(options.get("seed").isEmpty() ? System.currentTimeMillis() : Long.parseLong(options.get("seed")));
        long cases = options.get("cases").isEmpty() ? 1_000_000 : Long.parseLong(options.get("cases"));
        boolean held = options.get("case").isEmpty() ? fuzz.run(cases) : fuzz.runOne(Long.parseLong(options.get("case")));
        System.exit(held ? 0 : 1);
    }

    private boolean run(long cases) throws InterruptedException {
        int threads = Runtime.getRuntime().availableProcessors();
        System.out.printf("fuzz: seed %d, %,d cases, %d threads%n", seed, cases, threads);
        long start = System.nanoTime();
        Worker[] workers = new Worker[threads];
        for (int i = 0; i < threads; i++) {
            workers[i] = new Worker(cases);
            workers[i].start();
        }
        long said = start;
        for (Worker worker : workers) {
            while (worker.isAlive()) {
                worker.join(500);
                Arrays.stream(workers).forEach(Worker::checkTime);
                if (System.nanoTime() - said > TimeUnit.SECONDS.toNanos(30)) {
                    said = System.nanoTime();
                    System.out.printf("fuzz: %,d cases%n", Math.min(cases, next.get()));
                }
            }
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        counts.forEach((target, count) -> System.out.printf("fuzz: %s: %,d cases%n", target, count.get()));
        double processor = ProcessHandle.current().info().totalCpuDuration().map(time -> time.toMillis() / 1000.0).orElse(Double.NaN);
        System.out.printf("fuzz: %,d cases in %.1f s, %,.0f a second, %.1f s of processor time; seed %d; %s%n", cases, seconds,
                cases / seconds, processor, seed, findings.isEmpty() ? "all held" : findings.size() + " properties did not hold");
        findings.forEach((property, count) -> System.out.printf("fuzz: did not hold %,d times: %s%n", count, property));
        return findings.isEmpty();
    }

    private boolean runOne(long index) {
        new Worker(0).one(index);
        System.out.printf("fuzz: seed %d, case %d: %s%n", seed, index, findings.isEmpty() ? "held" : "did not hold");
        return findings.isEmpty();
    }

    private final class Worker extends Thread {

        private final long cases;
        private volatile long index = -1;
        private volatile long began;

        Worker(long cases) {
            super("fuzz");
            this.cases = cases;
            setDaemon(true);
            setUncaughtExceptionHandler((thread, e) -> {
                System.out.printf("fuzz: case %d could not be made; again: make fuzz SEED=%d CASE=%d%n", index, seed, index);
                e.printStackTrace();
                System.exit(3);
            });
        }

        @Override
        public void run() {
            for (long i = next.getAndIncrement(); i < cases; i = next.getAndIncrement()) {
                began = System.nanoTime();
                index = i;
                one(i);
                index = -1;
            }
        }

        void one(long i) {
            Dice dice = new Dice(seed * 0x9E3779B97F4A7C15L + i);
            Target target = Target.of(dice);
            counts.get(target).incrementAndGet();
            Case made = target.next(dice);
            Finding finding = finding(made, made.input());
            if (finding != null) {
                report(i, target, made, finding);
            }
        }

        /** Ends the run where a case does not end. */
        void checkTime() {
            long now = index;
            long since = began;
            if (now >= 0 && System.nanoTime() - since > LONGEST_CASE_NANO && index == now) {
                StringBuilder trace = new StringBuilder();
                Arrays.stream(getStackTrace()).limit(25).forEach(frame -> trace.append("    at ").append(frame).append('\n'));
                System.out.printf("fuzz: case %d has not ended after %d s; again: make fuzz SEED=%d CASE=%d%n%s", now,
                        TimeUnit.NANOSECONDS.toSeconds(LONGEST_CASE_NANO), seed, now, trace);
                System.exit(1);
            }
        }

        private void report(long i, Target target, Case made, Finding finding) {
            String property = target + ": " + finding.property();
            synchronized (findings) {
                if (findings.merge(property, 1, Integer::sum) > 1) {
                    return;
                }
            }
            byte[] input = made.shrinks() ? shrunk(made, finding) : made.input();
            Finding last = finding(made, input);
            StringBuilder text = new StringBuilder();
            text.append("fuzz: did not hold: ").append(property).append("\n  ").append(cut((last == null ? finding : last).getMessage()));
            text.append("\n  input (").append(input.length).append(" bytes");
            text.append(input.length == made.input().length ? "" : ", made smaller").append("): ").append(cut(shown(latin(input))));
            text.append("\n  again: make fuzz SEED=").append(seed).append(" CASE=").append(i);
            System.out.println(text);
            if (findings.size() >= MOST_FINDINGS) {
                System.out.println("fuzz: enough; no further cases are made");
                next.set(Long.MAX_VALUE / 2);
            }
        }

        /** A smaller input that shows the same: ever smaller parts are taken out while it does, for a few seconds. */
        private byte[] shrunk(Case made, Finding finding) {
            byte[] best = made.input();
            long until = System.nanoTime() + LONGEST_SHRINKING_NANO;
            for (int size = best.length / 2; size > 0; size /= 2) {
                for (int at = 0; at + size <= best.length && System.nanoTime() < until;) {
                    began = System.nanoTime();
                    byte[] tried = new byte[best.length - size];
                    System.arraycopy(best, 0, tried, 0, at);
                    System.arraycopy(best, at + size, tried, at, tried.length - at);
                    Finding shown = finding(made, tried);
                    if (shown != null && shown.property().equals(finding.property())) {
                        best = tried;
                    } else {
                        at += size;
                    }
                }
            }
            return best;
        }
    }

    private static Finding finding(Case made, byte[] input) {
        try {
            made.check().of(input);
            return null;
        } catch (Finding e) {
            return e;
        } catch (Exception | StackOverflowError | OutOfMemoryError e) {
            StackTraceElement where = e.getStackTrace().length == 0 ? null : Arrays.stream(e.getStackTrace())
                    .filter(frame -> frame.getClassName().startsWith("dev.bactrian.")).findFirst().orElse(e.getStackTrace()[0]);
            return new Finding("nothing is thrown but failures of requests (" + e.getClass().getSimpleName()
                    + (where == null ? "" : " in " + where.getFileName() + ":" + where.getLineNumber()) + ")", line(e));
        }
    }

    /** A throwable on one line. */
    static String line(Throwable e) {
        return e.getClass().getName() + ": " + shown(String.valueOf(e.getMessage()));
    }

    private static String latin(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static String cut(String text) {
        return text.length() <= MOST_SHOWN ? text : text.substring(0, MOST_SHOWN) + "… (" + text.length() + " characters)";
    }

    /** Text as a Java string shows it, ASCII alone. */
    static String shown(String text) {
        StringBuilder shown = new StringBuilder("\"");
        text.chars().forEach(c -> {
            if (c == '\n') {
                shown.append("\\n");
            } else if (c == '\r') {
                shown.append("\\r");
            } else if (c == '"' || c == '\\') {
                shown.append('\\').append((char) c);
            } else if (c < ' ' || c > '~') {
                shown.append("\\u").append(HexFormat.of().toHexDigits((char) c));
            } else {
                shown.append((char) c);
            }
        });
        return shown.append('"').toString();
    }
}
