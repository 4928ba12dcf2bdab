package dev.javisor.machine.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import org.junit.jupiter.api.Test;

class PciBusTest {
    private final PciTestDevice device = new PciTestDevice();
    private final Slot slot = new Slot(device);

    @Test
    void configurationMechanismReachesTheFunction() {
        assertThat(slot.read(PciFunction.VENDOR_ID, 2)).isEqualTo(0x1B36);
        assertThat(slot.read(PciFunction.DEVICE_ID, 2)).isEqualTo(5);
        assertThat(slot.read(0, 4)).isEqualTo(0x51B36);
    }

    @Test
    void anEmptySlotReadsAsOnes() {
        assertThat(slot.read(7, 0, 4)).isEqualTo(-1);
        assertThat(slot.read(7, 0, 2)).isEqualTo(0xFFFF);
    }

    @Test
    void dataPortIsDeadUnlessEnabled() {
        slot.io.out(0xCF8, 4, Slot.DEVICE << 11);
        assertThat(slot.io.in(0xCFC, 4)).isEqualTo(-1);
    }

    @Test
    void onlyDoublewordsReachTheAddressRegister() {
        slot.io.out(0xCF8, 4, 0x80000000);
        slot.io.out(0xCF8, 1, 0x12);
        assertThat(slot.io.in(0xCF8, 4)).isEqualTo(0x80000000);
    }

    @Test
    void baseAddressRegistersTellTheirSize() {
        slot.write(PciFunction.BAR0, 4, -1);
        slot.write(PciFunction.BAR0 + 4, 4, -1);
        slot.write(PciFunction.BAR0 + 8, 4, -1);
        assertThat(slot.read(PciFunction.BAR0, 4)).isEqualTo(-4096);
        assertThat(slot.read(PciFunction.BAR0 + 4, 4)).isEqualTo(-256 | 1);
        assertThat(slot.read(PciFunction.BAR0 + 8, 4)).as("no such register").isZero();
    }

    @Test
    void identificationCannotBeWritten() {
        slot.write(0, 4, 0);
        assertThat(slot.read(0, 4)).isEqualTo(0x51B36);
    }

    @Test
    void memoryIsDecodedWhereTheRegisterSaysWhileEnabled() {
        slot.write(PciFunction.BAR0, 4, 0xE1000000);
        assertThat(slot.memory.read(0xE1000000L, 1)).as("not enabled").isEqualTo(0xFF);
        slot.write(PciFunction.COMMAND, 2, PciFunction.MEMORY_ENABLE);
        slot.memory.write(0xE1000000L, 1, 0);
        assertThat(slot.memory.read(0xE1000001L, 1)).as("width of test 0").isEqualTo(1);
        slot.write(PciFunction.BAR0, 4, 0xE2000000);
        assertThat(slot.memory.read(0xE1000001L, 1)).as("moved away").isEqualTo(0xFF);
        assertThat(slot.memory.read(0xE2000001L, 1)).isEqualTo(1);
        slot.write(PciFunction.COMMAND, 2, 0);
        assertThat(slot.memory.read(0xE2000001L, 1)).isEqualTo(0xFF);
    }

    @Test
    void memoryIsNotDecodedOverRamOrTheLocalApics() {
        slot.write(PciFunction.COMMAND, 2, PciFunction.MEMORY_ENABLE);
        slot.memory.write(0x1000, 4, 0x12345678);
        slot.write(PciFunction.BAR0, 4, 0x1000);
        assertThat(slot.memory.read(0x1000, 4)).isEqualTo(0x12345678);
        slot.write(PciFunction.BAR0, 4, 0xFEE00000);
        assertThat(slot.memory.regionAt(0xFEE00000L)).isNull();
    }

    @Test
    void portsAreDecodedWhereTheRegisterSays() {
        slot.write(PciFunction.BAR0 + 4, 4, 0xC100);
        slot.write(PciFunction.COMMAND, 2, PciFunction.IO_ENABLE);
        slot.io.out(0xC100, 1, 2);
        assertThat(slot.io.in(0xC101, 1)).as("width of test 2").isEqualTo(4);
        slot.write(PciFunction.COMMAND, 2, 0);
        assertThat(slot.io.in(0xC101, 1)).isEqualTo(0xFF);
    }

    @Test
    void firmwareGivesAddressesThatDoNotOverlap() {
        slot.bus.add(4, 0, new EduDevice());
        slot.setUp();
        long a = slot.bar(0);
        long b = slot.read(4, PciFunction.BAR0, 4) & 0xFFFFFFF0L;
        assertThat(a).isGreaterThanOrEqualTo(0xE0000000L);
        assertThat(b).isGreaterThanOrEqualTo(a + 4096);
        assertThat(b % (1 << 20)).isZero();
        assertThat(slot.read(4, PciFunction.INTERRUPT_LINE, 1)).isEqualTo(11);
    }

    @Test
    void resetTakesDecodingAway() {
        slot.setUp();
        long at = slot.bar(0);
        slot.bus.reset();
        assertThat(slot.memory.regionAt(at)).isNull();
        assertThat(slot.read(PciFunction.BAR0, 4)).isZero();
    }

    @Test
    void testDeviceCountsTheWritesOfTheSelectedTest() {
        slot.setUp();
        long at = slot.bar(0);
        slot.memory.write(at, 1, 1);
        assertThat(slot.memory.read(at + 1, 1)).as("width").isEqualTo(2);
        long target = at + slot.memory.read(at + 4, 4);
        long value = slot.memory.read(at + 8, 4);
        slot.memory.write(target, 2, value);
        slot.memory.write(target, 2, value);
        slot.memory.write(target, 1, value);
        assertThat(slot.memory.read(at + 12, 4)).as("count").isEqualTo(2);
    }

    @Test
    void aSavedFunctionDecodesAgain() {
        slot.setUp();
        StateOutput out = new StateOutput();
        slot.bus.save(out);
        Slot other = new Slot(new PciTestDevice());
        other.bus.load(new StateInput(out.toByteArray()));
        assertThat(other.bar(0)).isEqualTo(slot.bar(0));
        assertThat(other.memory.regionAt(other.bar(0))).isNotNull();
    }

    @Test
    void memoryMappedConfigurationReachesTheSameRegisters() {
        slot.bus.mapEcam(0xB0000000L);
        long function = 0xB0000000L + (Slot.DEVICE << 15);
        assertThat(slot.memory.read(function, 4)).isEqualTo(0x51B36);
        slot.memory.write(function + PciFunction.INTERRUPT_LINE, 1, 5);
        assertThat(slot.read(PciFunction.INTERRUPT_LINE, 1)).isEqualTo(5);
        assertThat(slot.memory.read(function + 0x100, 4)).as("no extended capabilities").isZero();
        assertThat(slot.memory.read(0xB0000000L + (1 << 20), 4)).as("no other bus").isEqualTo(0xFFFFFFFFL);
    }

    @Test
    void memoryMappedConfigurationMayBeReachedAcrossRegistersAndFunctions() {
        slot.bus.mapEcam(0xB0000000L);
        long function = 0xB0000000L + (Slot.DEVICE << 15);
        assertThat(slot.memory.read(function + 1, 4)).isEqualTo(slot.memory.read(function, 8) >>> 8 & 0xFFFFFFFFL);
        assertThat(slot.memory.read(function + 0xFE, 4)).as("end of the header's space").isEqualTo(slot.read(0xFE, 2));
        assertThat(slot.memory.read(function + 0xFFE, 4)).as("nobody follows").isEqualTo(0xFFFF0000L);
        slot.memory.write(function + PciFunction.INTERRUPT_LINE - 3, 8, 5L << 24);
        assertThat(slot.read(PciFunction.INTERRUPT_LINE, 1)).isEqualTo(5);
    }
}
