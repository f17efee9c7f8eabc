# Bactrian: `make demo` shows it, `make run` runs it, `make check` runs the quick tests, `make test` all tests.
#
# The wrapper downloads Maven. To use an installed Maven: make test MVN=mvn
MVN ?= ./mvnw
JAVA = $(if $(JAVA_HOME),$(JAVA_HOME)/bin/java,java)
JAR  = target/bactrian.jar
SOURCES = $(shell find pom.xml routes src/main -type f)

# Under a C locale the JVM can't open a file whose name is not ASCII.
export LC_ALL := $(if $(filter-out C POSIX,$(LC_ALL)),$(LC_ALL),C.UTF-8)

.PHONY: run demo costs check test bench profile fuzz soak package clean

## Runs the service in the foreground until Ctrl-C: requests in inbox/, results in outbox/. JMS=1 adds a queue
run: $(JAR)
	@mkdir -p inbox
	exec env BACTRIAN_JARS=target src/main/assembly/bin/bactrian $(if $(JMS),-Dbactrian.jms.enabled=true -Dbactrian.jms.acceptor=tcp://127.0.0.1:61616)

## Runs the sample requests in a fresh folder, printing chunks as they arrive
demo: $(JAR)
	@rm -rf target/demo && mkdir -p target/demo/inbox && cp examples/requests/* target/demo/inbox
	@cd target/demo && exec $(JAVA) -cp ../bactrian.jar dev.bactrian.standalone.Demo

## Prints what was spent, from data/ or the ledger's database. DAYS=2026-11 selects a month, DAYS=2026-11-27 a day
costs: $(JAR)
	@exec $(JAVA) -cp $(JAR) dev.bactrian.standalone.Costs $(DAYS)

## Runs the unit tests, without those tagged "slow" (which start Camel, a process or a server), and prints the structure table
check:
	@$(MVN) -B -ntp -DexcludedGroups=slow test | src/test/report.sh
	@cat target/structure.txt

## Runs everything that CI runs: the library's tests, then the examples. The tests' output is in target/*-reports, one file per class
test:
	$(MVN) -B -ntp -Dmaven.test.redirectTestOutputToFile=true -f src/it/pom.xml verify

## Runs the benchmark and prints its tables, in half an hour. S="polls chats" runs these sections
bench: $(JAR)
	$(MVN) -q -B -ntp -f src/bench/pom.xml package
	$(JAVA) -cp target/bench/harness/classes dev.bactrian.bench.Bench $(S)

## Prints where the processor time of Bactrian goes in the sections S="polls chats"; the recordings stay in target/bench/profiles
profile: $(JAR)
	$(if $(S),,$(error Name the sections: make profile S=polls))
	$(MVN) -q -B -ntp -f src/bench/pom.xml package
	$(JAVA) -cp target/bench/harness/classes dev.bactrian.bench.Bench --profile $(S)

## Reads a million random streams, requests and answers. SEED=n CASES=n selects others; SEED=n CASE=n repeats one of them
fuzz: $(JAR) | target/fuzz/classes
	$(JAVA)c --release 17 -d target/fuzz/classes -cp $(JAR) $(shell find src/fuzz -name '*.java')
	$(JAVA) -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp target/fuzz/classes:$(JAR) dev.bactrian.fuzz.Fuzz \
	  seed=$(SEED) cases=$(CASES) case=$(CASE)

## Runs the service with mixed requests and faults for MINUTES=n (10) at RATE=n (10) requests a second, and prints tables
soak: $(JAR) | target/soak/classes
	$(JAVA)c --release 17 -d target/soak/classes -cp $(JAR) $(shell find src/soak -name '*.java')
	$(JAVA) -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp target/soak/classes:$(JAR) dev.bactrian.soak.Soak \
	  minutes=$(MINUTES) rate=$(RATE) seed=$(SEED)

target/fuzz/classes target/soak/classes:
	@mkdir -p $@

## Builds the jars and the archive of the service: target/bactrian.jar with target/lib/, target/bactrian-<version>-bin.tar.gz
package: $(JAR)

$(JAR): $(SOURCES)
	$(MVN) -q -B -ntp -DskipTests package
	@touch $@

clean:
	$(MVN) -q -B clean
