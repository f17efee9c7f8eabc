package dev.bactrian.route;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.bactrian.config.SettingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A destination that can't be is told at the start. */
class EmitSettingsTest extends RouteTestSupport {

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
