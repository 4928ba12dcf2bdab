package dev.javisor.conformance.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** For a few seconds what {@code tools/conformance vmx} does for as long as one wants. */
class VmxFuzzTest {
    private static final String CASES = "2000";

    @Test
    void randomGuestsAreEnteredOrHaveTheirReason() throws Exception {
        String seed = System.getProperty("javisor.seed", Long.toString(System.nanoTime()));
        VmxFuzz run = new VmxFuzz(System.out).option("--seed", seed).option("--count", CASES);
        run.run();
        assertThat(run.failed()).as("entries that failed, with their reasons").isPositive();
        assertThat(run.entries()).as("entries").isGreaterThan(run.failed());
    }

    /** The random RIP of the host is where a failed entry would go on. */
    @Test
    void anExitToTheCodeBehindTheEntryIsNoFailedEntry() throws Exception {
        new VmxFuzz(System.out).option("--seed", "21118591673204").option("--count", "1").run();
    }

    /** An exit that comes late, and ends in a VMX abort. */
    @Test
    void nothingIsEnteredAfterAnAbort() throws Exception {
        new VmxFuzz(System.out).option("--seed", "54890401809089").option("--count", "1").run();
    }
}
