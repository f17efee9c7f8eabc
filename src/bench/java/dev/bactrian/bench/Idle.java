package dev.bactrian.bench;

import java.nio.file.Path;

/** The memory and the processor time of the service when it has nothing to do. */
final class Idle implements Section {

    private static final String HEAP = "-Xmx128m";
    private static final int SETTLED_AFTER = 5;
    private static final int SECONDS = 30;

    @Override
    public Table run() throws Exception {
        Table table = new Table("The service with nothing to do, under " + HEAP + ", " + SETTLED_AFTER + " s after it is ready",
                "", "resident MB", "CPU ms in " + SECONDS + " s", "aim", "met");
        try (TestBed bed = new TestBed()) {
            try (ChildProcess service = bed.service(TestBed.folder("work"), HEAP)) {
                row(table, "java -jar", service);
            }
            Path script = TestBed.script();
            try (ChildProcess first = bed.service(script, TestBed.folder("work"), HEAP)) {
                first.await(Start::isReady, 60);
                first.end(60);
            }
            try (ChildProcess service = bed.service(script, TestBed.folder("work"), HEAP)) {
                row(table, "bin/bactrian, its second start", service);
            }
        }
        return table;
    }

    private static void row(Table table, String how, ChildProcess service) throws Exception {
        service.await(Start::isReady, 60);
        Thread.sleep(SETTLED_AFTER * 1000L);
        double before = Readings.processorSeconds(service.pid());
        Thread.sleep(SECONDS * 1000L);
        double used = Readings.processorSeconds(service.pid()) - before;
        double resident = Readings.megabytes(service.pid());
        Goal goal = Goal.of("150 MB, 0.5 % of a core", resident <= 150 && used <= 0.005 * SECONDS);
        table.row(how, Goal.number(resident, 0), Goal.number(used * 1000, 0), goal.text(), goal.met());
        service.end(60);
    }
}
