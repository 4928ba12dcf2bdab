package dev.javisor.conformance.restore;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RestoreTest {
    @Test
    void savedGuestsGoOnInAnotherProcess() throws Exception {
        Restore restore = new Restore(System.out)
                .option("--count", "50")
                .option("--engine", "interpreter")
                .option("--seed", System.getProperty("javisor.seed", Long.toString(System.nanoTime())));
        assertThat(restore.run()).isTrue();
        assertThat(restore.compared()).isGreaterThan(20);
        assertThat(restore.midway()).isPositive();
    }
}
