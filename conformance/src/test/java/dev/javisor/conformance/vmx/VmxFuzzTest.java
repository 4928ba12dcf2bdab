package dev.javisor.conformance.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** A short one; {@code -Djavisor.seconds=600} makes it a long one. */
class VmxFuzzTest {
    private static final String SECONDS = "6";
    private static final long FEWEST = 100;

    @Test
    void randomGuestsAreEnteredOrHaveTheirReason() throws Exception {
        String seed = System.getProperty("javisor.seed", Long.toString(System.nanoTime()));
        String seconds = System.getProperty("javisor.seconds", SECONDS);
        VmxFuzz run = new VmxFuzz(System.out).option("--seed", seed).option("--seconds", seconds);
        run.run();
        assertThat(run.failed()).isPositive();
        assertThat(run.entries() - run.failed()).isGreaterThan(FEWEST);
    }
}
