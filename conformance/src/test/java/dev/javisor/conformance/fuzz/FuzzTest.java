package dev.javisor.conformance.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FuzzTest {
    private static final String CASES = "120";

    @Test
    void nonsenseEndsInArchitecture() throws Exception {
        Fuzz fuzz = new Fuzz(System.out)
                .option("--count", CASES)
                .option("--seed", System.getProperty("javisor.seed", Long.toString(System.nanoTime())));
        fuzz.run();
        assertThat(fuzz.failures()).isEmpty();
        assertThat(fuzz.cases()).isPositive();
    }

    /** A machine that was saved while text waited to be typed to its console. */
    @Test
    void whatWaitsToBeTypedIsState() throws Exception {
        Fuzz fuzz = new Fuzz(System.out).option("--only", "devices").option("--case", "-2170120382574244133");
        fuzz.run();
        assertThat(fuzz.failures()).isEmpty();
    }
}
