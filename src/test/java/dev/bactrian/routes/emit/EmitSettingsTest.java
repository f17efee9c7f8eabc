package dev.bactrian.routes.emit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.bactrian.config.SettingException;
import dev.bactrian.generate.Account;
import dev.bactrian.routes.support.RouteTestSupport;
import org.apache.camel.CamelContext;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.BaseMainSupport;
import org.apache.camel.main.Main;
import org.apache.camel.main.MainListenerSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A destination that can't be is told at the start. */
class EmitSettingsTest extends RouteTestSupport {

    private final Account account = new Account();
    private boolean accountIsStarted;
    private boolean consumer;

    @Override
    protected void configure(Main main) throws Exception {
        main.bind("account", account);
        main.addMainListener(new MainListenerSupport() {
            @Override
            public void afterConfigure(BaseMainSupport begun) {
                try {
                    takeUp(begun.getCamelContext());
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
        });
        main.configure().addRoutesBuilder(new RouteBuilder() {
            @Override
            public void configure() {
                from("direct:taken?synchronous=true").bean("captured", "result");
                from("direct:later").autoStartup(false).bean("captured", "result");
                from("seda:taken").bean("captured", "result");
            }
        });
    }

    private void takeUp(CamelContext context) throws Exception {
        if (accountIsStarted) {
            account.setCamelContext(context);
            account.start();
        }
        if (consumer) {
            context.addStartupListener((camel, alreadyStarted) ->
                    camel.getEndpoint("direct:consumed").createConsumer(captured::result).start());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = ';', quoteCharacter = '`', value = {
        "result; direct:nobody; there is no route from it",
        "chunk; direct:nobody?block=false&failIfNoConsumers=false; there is no route from it",
        "error; direct:take; there is no route from it",
        "result; bean:nobody?method=result; no bean is named 'nobody'",
        "result; bean:captured?method=reslt; the bean has no method 'reslt'",
        "result; bean:captured?method=result|direct:taken; the bean has no method 'result|direct:taken'",
        "error; http://127.0.0.1:0/hook; a port is 1 to 65535",
        "chunk; https://hook.example:99999?token=hunter2; a port is 1 to 65535",
        "result; file:pom.xml/outbox?fileName=x.json; pom.xml is no folder",
        "chunk; timer:tick; only receives",
        "error; file:outbox?name=x.json; has no option name",
        "chunk; scheduler:tick; only receives",
        "chunk; file:outbox?fileName=x.json&encoding=UTF-8&prefix=a; has no option encoding, prefix",
        "result; jms:queue:results?deliveryPersistant=true&passwrd=hunter2; has no option deliveryPersistant, passwrd"})
    void aDestinationThatCanNotBeStopsTheStart(String which, String uri, String why) {
        String property = "bactrian.emit." + which;
        assertThatThrownBy(() -> start(property, "bean:captured?method=result | " + uri))
                .isInstanceOf(SettingException.class).hasMessageStartingWith(property + ": ").hasMessageContaining(uri.replaceFirst("\\?.*", ""))
                .hasMessageContaining(why)
                .satisfies(refused -> assertThat(refused.getMessage()).doesNotContain("hunter2").hasLineCount(1));
    }

    @Test
    void aValidDestinationDoesNotStopTheStart() throws Exception {
        start("bactrian.emit.result", "direct:taken | direct:later | direct:nobody?block=false | seda:taken | seda:read-by-a-template | mock:test | file:" + folder.resolve("out")
                + "?fileName=${header.BactrianRequestId}.json | http://127.0.0.1:9/hook?token=x&followRedirects=false | bean:captured?method=result"
                + " | bean:" + Captured.class.getName() + "?method=result | log:results");

        assertThat(folder.resolve("out")).as("nothing is written").doesNotExist();
    }

    @Test
    void aConsumerWithoutARouteGetsResultsToo() throws Exception {
        consumer = true;
        start("bactrian.emit.result", "direct:consumed");

        template().sendBody("direct:generate-and-emit", "hi");

        await().until(() -> !captured.results.isEmpty());
        captured.results.clear();
        takeChunks();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theDestinationsOfAnAccountAreCheckedToo(boolean started) {
        account.setChunkEndpoint("direct:nobody");
        accountIsStarted = started;

        assertThatThrownBy(this::start).isInstanceOf(SettingException.class).hasMessageContaining("direct:nobody");
    }

    @ParameterizedTest
    @ValueSource(strings = {"bactrian.emit.result", "bactrian.emit.error", "bactrian.emit.chunk"})
    void aDestinationWithoutItsComponentStopsTheStart(String property) {
        assertThatThrownBy(() -> start(property, "nosuch:queue"))
                .isInstanceOf(SettingException.class)
                .hasMessageContaining(property).hasMessageContaining("nosuch");
    }

    @Test
    void aLedgerThatIsNoBeanStopsTheStart() {
        assertThatThrownBy(() -> start("bactrian.ledger", "nowhere"))
                .hasRootCauseInstanceOf(SettingException.class)
                .rootCause().hasMessageContaining("bactrian.ledger").hasMessageContaining("nowhere");
    }
}
