package dev.javisor.conformance.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HostConformanceTest {
    private static final String CASES = "40000";
    private static final long FEWEST = 1_000;

    @BeforeEach
    void hasHost() {
        assumeTrue(NativeHost.isAvailable(), "not applicable: the host is not Linux on x86-64");
    }

    @Test
    void randomInstructionsDoWhatTheyDoOnTheHost() throws Exception {
        String seed = System.getProperty("javisor.seed", Long.toString(System.nanoTime()));
        System.out.println("seed " + seed + " (-Djavisor.seed=" + seed + ")");
        HostConformance run = new HostConformance(System.out).option("--seed", seed).option("--count", CASES);
        run.run();
        assertThat(run.mismatches()).isEmpty();
        assertThat(run.compared()).isGreaterThan(FEWEST);
    }

    /** They once found something: logarithms without end, and exact ones, and AMD's MXCSR.MM. */
    @ParameterizedTest
    @CsvSource({"11093221890405, FYL2XP1", "1, FYL2X", "1, POPA", "77, CALL", "23126211251743, FXRSTOR"})
    void instructionsThatOnceDiffered(String seed, String mnemonic) throws Exception {
        HostConformance run = new HostConformance(System.out).option("--seed", seed).option("--only", mnemonic).option("--count", "2000");
        run.run();
        assertThat(run.mismatches()).isEmpty();
    }
}
