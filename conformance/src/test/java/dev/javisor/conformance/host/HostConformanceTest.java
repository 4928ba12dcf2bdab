package dev.javisor.conformance.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class HostConformanceTest {
    private static final String SECONDS = "12";
    private static final long FEWEST = 10_000;

    @Test
    void randomInstructionsDoWhatTheyDoOnTheHost() throws IOException {
        assumeTrue(NativeHost.isAvailable(), "not applicable: the host is not Linux on x86-64");
        String seed = System.getProperty("javisor.seed", Long.toString(System.nanoTime()));
        System.out.println("seed " + seed + " (-Djavisor.seed=" + seed + ")");
        HostConformance run = new HostConformance(System.out).option("--seed", seed).option("--seconds", SECONDS);
        run.run();
        assertThat(run.mismatches()).isEmpty();
        assertThat(run.compared()).isGreaterThan(FEWEST);
    }
}
