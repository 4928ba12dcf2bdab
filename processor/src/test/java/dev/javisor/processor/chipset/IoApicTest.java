package dev.javisor.processor.chipset;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class IoApicTest {
    private static final int PCI_PIN = 16;
    private static final int LEVEL = 0x8000;
    private static final int ACTIVE_LOW = 0x2000;
    private static final int MASKED = 0x10000;
    private static final int REMOTE_IRR = 0x4000;

    private final List<String> messages = new ArrayList<>();
    private final IoApic apic = make(messages);

    private static IoApic make(List<String> log) {
        return new IoApic(
                (destination, logical, mode, vector, level) -> log.add("%s%d mode %d vector %02x %s"
                        .formatted(logical ? "logical " : "", destination, mode, vector, level ? "level" : "edge")),
                0xFF << PCI_PIN);
    }

    private int read(int register) {
        apic.write(0, 4, register);
        return (int) apic.read(0x10, 4);
    }

    private void write(int register, int value) {
        apic.write(0, 4, register);
        apic.write(0x10, 4, value);
    }

    private void redirect(int pin, int low) {
        write(0x11 + 2 * pin, 0x03000000);
        write(0x10 + 2 * pin, low);
    }

    @Test
    void versionSays24EntriesAndAnEoiRegister() {
        assertThat(read(1)).isEqualTo(0x00170020);
        write(1, -1);
        assertThat(read(1)).isEqualTo(0x00170020);
    }

    @Test
    void onlyFourBitsIdentifyAndTheArbitrationRegisterFollows() {
        write(0, -1);
        assertThat(read(0)).isEqualTo(0x0F000000);
        write(2, 0);
        assertThat(read(2)).isEqualTo(0x0F000000);
    }

    @Test
    void allPinsAreMaskedAfterReset() {
        for (int pin = 0; pin < IoApic.PINS; pin++) {
            assertThat(read(0x10 + 2 * pin)).isEqualTo(MASKED);
            apic.line(pin).set(true);
        }
        assertThat(messages).isEmpty();
        assertThat(read(0x10 + 2 * IoApic.PINS)).isZero();
    }

    @Test
    void statusBitsAreReadOnly() {
        redirect(3, -1 & ~LEVEL);
        assertThat(read(0x16)).isEqualTo(0x12FFF);
    }

    @Test
    void anEdgeSendsOneMessage() {
        redirect(4, 0x31);
        apic.line(4).set(true);
        apic.line(4).set(true);
        apic.line(4).set(false);
        assertThat(messages).containsExactly("3 mode 0 vector 31 edge");
        apic.line(4).set(true);
        assertThat(messages).hasSize(2);
    }

    @Test
    void anEdgeAtAMaskedPinIsLost() {
        redirect(4, MASKED | 0x31);
        apic.line(4).set(true);
        redirect(4, 0x31);
        assertThat(messages).isEmpty();
    }

    @Test
    void destinationModeAndDeliveryModeGoIntoTheMessage() {
        redirect(4, 0x931);
        apic.line(4).set(true);
        assertThat(messages).containsExactly("logical 3 mode 1 vector 31 edge");
    }

    @Test
    void aLevelIsSentAgainAfterEachEndOfInterrupt() {
        redirect(5, LEVEL | 0x41);
        apic.line(5).set(true);
        apic.line(5).set(false);
        apic.line(5).set(true);
        assertThat(messages).as("remote IRR holds it back").containsExactly("3 mode 0 vector 41 level");
        assertThat(read(0x1A)).isEqualTo(LEVEL | REMOTE_IRR | 0x41);
        apic.endOfInterrupt(0x42);
        assertThat(messages).hasSize(1);
        apic.endOfInterrupt(0x41);
        assertThat(messages).hasSize(2);
        apic.line(5).set(false);
        apic.endOfInterrupt(0x41);
        assertThat(messages).hasSize(2);
        assertThat(read(0x1A)).isEqualTo(LEVEL | 0x41);
    }

    @Test
    void theEoiRegisterEndsAnInterrupt() {
        redirect(5, LEVEL | 0x41);
        apic.line(5).set(true);
        apic.write(0x40, 4, 0x41);
        assertThat(messages).hasSize(2);
    }

    @Test
    void aLevelAtAMaskedPinWaits() {
        redirect(5, MASKED | LEVEL | 0x41);
        apic.line(5).set(true);
        assertThat(messages).isEmpty();
        redirect(5, LEVEL | 0x41);
        assertThat(messages).hasSize(1);
    }

    @Test
    void makingAnEntryEdgeTriggeredClearsRemoteIrr() {
        redirect(5, LEVEL | 0x41);
        apic.line(5).set(true);
        redirect(5, MASKED | 0x41);
        redirect(5, LEVEL | 0x41);
        assertThat(messages).hasSize(2);
    }

    @Test
    void pciWiresAreActiveLow() {
        redirect(PCI_PIN, LEVEL | ACTIVE_LOW | 0x51);
        assertThat(messages).isEmpty();
        apic.line(PCI_PIN).set(true);
        assertThat(messages).hasSize(1);
        redirect(PCI_PIN + 1, LEVEL | 0x52);
        assertThat(messages).as("an idle wire is high, which is a request of the wrong polarity").hasSize(2);
    }

    @Test
    void nonMaskableInterruptsHaveNoRemoteIrr() {
        redirect(5, LEVEL | 0x400);
        apic.line(5).set(true);
        assertThat(messages).containsExactly("3 mode 4 vector 00 level");
        assertThat(read(0x1A) & REMOTE_IRR).isZero();
    }

    @Test
    void aCopyGoesOnAsTheOriginal() {
        redirect(5, LEVEL | 0x41);
        apic.line(5).set(true);
        List<String> log = new ArrayList<>();
        IoApic copy = make(log);
        Bench.copy(apic, copy);
        assertThat(Bench.saved(copy)).isEqualTo(Bench.saved(apic));
        copy.endOfInterrupt(0x41);
        assertThat(log).hasSize(1);
    }
}
