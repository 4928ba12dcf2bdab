package dev.javisor.machine.pci;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class EduDeviceTest {
    private final Slot slot = new Slot(new EduDevice()).setUp();
    private final long registers = slot.bar(0);

    private long read(int at) {
        return slot.memory.read(registers + at, 4);
    }

    private void write(int at, long value) {
        slot.memory.write(registers + at, 4, value);
    }

    @Test
    void identifiesItselfAndIsAlive() {
        assertThat(read(0) & 0xFF).isEqualTo(0xED);
        write(4, 0x12345678);
        assertThat(read(4)).isEqualTo(~0x12345678 & 0xFFFFFFFFL);
    }

    @Test
    void computesFactorials() {
        write(8, 10);
        assertThat(read(8)).isEqualTo(3628800);
        write(8, 0xFFFFFFFFL);
        assertThat(read(8)).as("in 32 bits").isZero();
    }

    @Test
    void copiesFromMemoryAndBack() {
        slot.memory.write(0x5000, 8, 0x1122334455667788L);
        copy(0x5000, 0x40010, 8, 1);
        copy(0x40010, 0x6000, 8, 3);
        assertThat(slot.memory.read(0x6000, 8)).isEqualTo(0x1122334455667788L);
    }

    @Test
    void copiesNothingBeyondItsBuffer() {
        slot.memory.write(0x6000, 8, 5);
        copy(0x40FFC, 0x6000, 8, 3);
        copy(0x3FFFF, 0x6000, 1, 3);
        copy(0x40000, 0x6000, -1, 3);
        assertThat(slot.memory.read(0x6000, 8)).isEqualTo(5);
    }

    @Test
    void copiesNothingWithoutBusMastering() {
        slot.write(PciFunction.COMMAND, 2, PciFunction.MEMORY_ENABLE);
        slot.memory.write(0x6000, 8, 5);
        copy(0x40000, 0x6000, 8, 3);
        assertThat(slot.memory.read(0x6000, 8)).isEqualTo(5);
    }

    private void copy(long from, long to, long length, int command) {
        slot.memory.write(registers + 0x80, 8, from);
        slot.memory.write(registers + 0x88, 8, to);
        slot.memory.write(registers + 0x90, 8, length);
        write(0x98, command);
    }

    @Test
    void raisesItsPinUntilAcknowledged() {
        write(0x60, 2);
        assertThat(slot.intx).isTrue();
        assertThat(read(0x24)).isEqualTo(2);
        write(0x64, 2);
        assertThat(slot.intx).isFalse();
    }

    @Test
    void aMaskedPinStaysInactive() {
        slot.write(PciFunction.COMMAND, 2, 7 | PciFunction.INTERRUPT_DISABLE);
        write(0x60, 2);
        assertThat(slot.intx).isFalse();
        assertThat(slot.read(PciFunction.STATUS, 2) & 8).as("interrupt status").isEqualTo(8);
        slot.write(PciFunction.COMMAND, 2, 7);
        assertThat(slot.intx).isTrue();
    }

    @Test
    void sendsAMessageInsteadWhenTheGuestEnabledThem() {
        int msi = slot.capability(5, 0);
        slot.write(msi + 4, 4, 0xFEE01000);
        slot.write(msi + 12, 2, 0x41);
        slot.write(msi + 2, 2, 1);
        write(0x60, 1);
        assertThat(slot.messages).containsExactly(new Slot.Message(0xFEE01000L, 0x41));
        assertThat(slot.intx).isFalse();
    }
}
