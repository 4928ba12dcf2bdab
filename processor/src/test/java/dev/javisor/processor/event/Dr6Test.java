package dev.javisor.processor.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What a #DB makes of DR6. */
class Dr6Test {
    private static final long TRAPS = 0xF, BLD = 1 << 11, BD = 1 << 13, BS = 1 << 14, BT = 1 << 15, RTM = 1 << 16;
    private static final long ACTIVE_LOW = 0xFFFF0FF0L, WRITABLE = TRAPS | BLD | BD | BS | BT | RTM;
    private static final long FIXED = ACTIVE_LOW & ~(BLD | RTM);

    /** The cause as DR6 shows it when it was in its reset form, merged into the old value, is the payload delivered into the old value. */
    @Test
    void theCauseOfANewExceptionIsMergedAsItsPayloadIs() {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < 10_000; i++) {
            long old = random.nextLong() & WRITABLE | FIXED;
            long payload = random.nextLong() & WRITABLE;
            long cause = payload ^ ACTIVE_LOW;
            long merged = old & ~(TRAPS | BLD | RTM) | cause & ~FIXED;
            assertThat(EventDelivery.mergeDr6(old, payload)).as("seed %d", seed).isEqualTo(merged);
            assertThat(EventDelivery.mergeDr6(old, payload)).isEqualTo(old & (BT | BS | BD) | cause);
            assertThat(EventDelivery.mergeDr6(ACTIVE_LOW, payload) ^ ACTIVE_LOW).isEqualTo(payload);
        }
    }

    @Test
    void whatPersistsAndWhatDoesNot() {
        long all = FIXED | TRAPS | BD | BS | BT;
        assertThat(EventDelivery.mergeDr6(all, 0)).isEqualTo(ACTIVE_LOW | BD | BS | BT);
        assertThat(EventDelivery.mergeDr6(ACTIVE_LOW, RTM | 1)).isEqualTo(ACTIVE_LOW & ~RTM | 1);
        assertThat(EventDelivery.mergeDr6(ACTIVE_LOW, 1 << 12)).as("only the pending-debug field has it").isEqualTo(ACTIVE_LOW);
    }
}
