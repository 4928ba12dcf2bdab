package dev.javisor.processor.chipset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.chipset.Bench.Probe;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PicPairTest {
    private static final int EOI = 0x20;
    private final Bench bench = new Bench();
    private final Probe intr = new Probe();
    private final PicPair pics = new PicPair(intr);

    @BeforeEach
    void initialize() {
        pics.connect(bench.bus);
        initialize(0x01);
    }

    private void initialize(int masterIcw4) {
        bench.out(0x20, 0x11);
        bench.out(0x21, 0x20);
        bench.out(0x21, 4);
        bench.out(0x21, masterIcw4);
        bench.out(0xA0, 0x11);
        bench.out(0xA1, 0x28);
        bench.out(0xA1, 2);
        bench.out(0xA1, 0x01);
    }

    private void raise(int... irqs) {
        for (int i : irqs) {
            pics.line(i).set(true);
        }
    }

    private int acknowledge() {
        return bench.bus.acknowledgeExternalInterrupt();
    }

    @Test
    void theHighestPriorityIsAcknowledgedFirst() {
        raise(4, 1);
        assertThat(intr.level).isTrue();
        assertThat(acknowledge()).isEqualTo(0x21);
        assertThat(intr.level).as("level 4 is below what is in service").isFalse();
        bench.out(0x20, EOI);
        assertThat(intr.level).isTrue();
        assertThat(acknowledge()).isEqualTo(0x24);
    }

    @Test
    void aHigherRequestInterruptsALowerOneInService() {
        raise(5);
        acknowledge();
        raise(3);
        assertThat(intr.level).isTrue();
        assertThat(acknowledge()).isEqualTo(0x23);
        bench.out(0x20, 0x0B);
        assertThat(bench.in(0x20)).as("ISR").isEqualTo(0x28);
    }

    @Test
    void slaveRequestsArriveThroughTheCascade() {
        raise(8);
        assertThat(acknowledge()).isEqualTo(0x28);
        bench.out(0x20, 0x0B);
        assertThat(bench.in(0x20)).isEqualTo(4);
        bench.out(0xA0, 0x0B);
        assertThat(bench.in(0xA0)).isEqualTo(1);
        raise(15);
        bench.out(0xA0, EOI);
        bench.out(0x20, EOI);
        assertThat(acknowledge()).isEqualTo(0x2F);
    }

    @Test
    void anEdgeCountsOnce() {
        raise(3);
        acknowledge();
        bench.out(0x20, EOI);
        assertThat(intr.level).isFalse();
        pics.line(3).set(false);
        raise(3);
        assertThat(intr.level).isTrue();
    }

    @Test
    void aLevelCountsAsLongAsItStays() {
        bench.out(0x4D0, 0xFF);
        assertThat(bench.in(0x4D0)).as("interrupts 0 to 2 are always edge-triggered").isEqualTo(0xF8);
        bench.out(0x4D1, 0xFF);
        assertThat(bench.in(0x4D1)).as("interrupts 8 and 13 are always edge-triggered").isEqualTo(0xDE);
        raise(5);
        acknowledge();
        bench.out(0x20, EOI);
        assertThat(intr.level).isTrue();
        pics.line(5).set(false);
        assertThat(intr.level).isFalse();
    }

    @Test
    void aRequestThatGoesAwayIsSpurious() {
        raise(3);
        pics.line(3).set(false);
        assertThat(acknowledge()).isEqualTo(0x27);
        bench.out(0x20, 0x0B);
        assertThat(bench.in(0x20)).as("ISR").isZero();
    }

    @Test
    void aSpuriousSlaveRequestLeavesTheCascadeInService() {
        Pic8259 slave = new Pic8259(false, 0xDE);
        slave.setLine(3, true);
        slave.setLine(3, false);
        assertThat(slave.acknowledge()).isEqualTo(7);
        assertThat(slave.read(0, 1)).isZero();
    }

    @Test
    void maskedRequestsWait() {
        bench.out(0x21, 0x08);
        raise(3);
        assertThat(intr.level).isFalse();
        assertThat(bench.in(0x20)).as("IRR").isEqualTo(8);
        bench.out(0x21, 0);
        assertThat(intr.level).isTrue();
        assertThat(bench.in(0x21)).isZero();
    }

    @Test
    void specificEndOfInterruptEndsJustThatLevel() {
        raise(5);
        acknowledge();
        raise(3);
        acknowledge();
        bench.out(0x20, 0x60 | 5);
        bench.out(0x20, 0x0B);
        assertThat(bench.in(0x20)).isEqualTo(8);
    }

    @Test
    void rotationGivesTheServedLevelTheLowestPriority() {
        raise(0);
        acknowledge();
        pics.line(0).set(false);
        bench.out(0x20, 0xA0);
        raise(0, 1);
        assertThat(acknowledge()).isEqualTo(0x21);
        bench.out(0x20, EOI);
        bench.out(0x20, 0xC0 | 7);
        assertThat(acknowledge()).isEqualTo(0x20);
    }

    @Test
    void specialMaskModeLetsLowerLevelsThrough() {
        raise(1);
        acknowledge();
        raise(4);
        bench.out(0x21, 0x02);
        assertThat(intr.level).as("level 1 is still in service").isFalse();
        bench.out(0x20, 0x68);
        assertThat(acknowledge()).isEqualTo(0x24);
        bench.out(0x20, EOI);
        bench.out(0x20, 0x0B);
        assertThat(bench.in(0x20)).as("a masked level is not ended").isEqualTo(2);
    }

    @Test
    void pollingAcknowledges() {
        bench.out(0x20, 0x0C);
        assertThat(bench.in(0x20)).isZero();
        raise(6);
        bench.out(0x20, 0x0C);
        assertThat(bench.in(0x20)).isEqualTo(0x86);
        assertThat(intr.level).isFalse();
        bench.out(0x20, 0x0B);
        assertThat(bench.in(0x20)).isEqualTo(0x40);
    }

    @Test
    void automaticEndOfInterruptLeavesNothingInService() {
        initialize(0x03);
        raise(1, 4);
        assertThat(acknowledge()).isEqualTo(0x21);
        assertThat(acknowledge()).isEqualTo(0x24);
        bench.out(0x20, 0x0B);
        assertThat(bench.in(0x20)).isZero();
    }

    @Test
    void initializationForgetsEdges() {
        raise(3);
        initialize(0x01);
        assertThat(intr.level).isFalse();
        assertThat(bench.in(0x20)).isZero();
    }

    @Test
    void aCopyGoesOnAsTheOriginal() {
        raise(5, 12);
        acknowledge();
        Probe other = new Probe();
        PicPair copy = new PicPair(other);
        Bench.copy(pics, copy);
        assertThat(Bench.saved(copy)).isEqualTo(Bench.saved(pics));
        assertThat(copy.acknowledge()).isEqualTo(acknowledge());
    }
}
