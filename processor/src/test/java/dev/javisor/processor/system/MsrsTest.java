package dev.javisor.processor.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.javisor.isa.Msr;
import dev.javisor.processor.Rig;
import dev.javisor.processor.apic.ApicBus;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.GuestFault;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MsrsTest {
    private static final String RDMSR = "0F32", WRMSR = "0F30";
    private static final String INTEL = "max-intel", AMD = "max-amd";

    private static Cpu cpu(String model) {
        Cpu c = Rig.bits64(model).c;
        new LocalApic(c, new ApicBus());
        return c;
    }

    private static void assertFaults(org.assertj.core.api.ThrowableAssert.ThrowingCallable access) {
        assertThatExceptionOfType(GuestFault.class).isThrownBy(access).satisfies(f -> {
            assertThat(f.event.vector()).isEqualTo(Event.GP);
            assertThat(f.event.errorCode()).isZero();
        });
    }

    @Test
    void instructionsMoveEdxEax() {
        Rig r = Rig.bits64();
        r.set(Rig.RCX, 0xFFFF_FFFF_C000_0081L).set(Rig.RAX, 0xFFFF_FFFF_8765_4321L).set(Rig.RDX, 0xFFFF_FFFF_0023_0010L);
        r.run(WRMSR);
        assertThat(r.c.star).isEqualTo(0x0023_0010_8765_4321L);
        r.run(RDMSR);
        assertThat(r.get(Rig.RAX)).isEqualTo(0x8765_4321L);
        assertThat(r.get(Rig.RDX)).isEqualTo(0x0023_0010L);
    }

    @ParameterizedTest
    @ValueSource(strings = {RDMSR, WRMSR})
    void onlyForCpl0AndRegistersThatExist(String instruction) {
        Rig r = Rig.bits64().set(Rig.RCX, 0x12345);
        assertThat(r.fault(instruction)).isEqualTo(Event.exception(Event.GP, 0));
        r.c.cpl = 3;
        assertThat(r.set(Rig.RCX, 0x10).fault(instruction)).isEqualTo(Event.exception(Event.GP, 0));
    }

    @ParameterizedTest
    @EnumSource(Msr.class)
    void everyRegisterOfAModelHoldsItsResetValueAndTakesItBack(Msr m) {
        for (String model : new String[] {INTEL, AMD, "qemu64,+x2apic"}) {
            Cpu c = cpu(model);
            if (!m.isOn(c.model)) {
                assertFaults(() -> Msrs.read(c, m.index), c, m);
            } else if (m.writeOnly) {
                assertFaults(() -> Msrs.read(c, m.index));
                Msrs.write(c, m.index, 0);
            } else if (m != Msr.X2APIC && m != Msr.VMX_CAPABILITY) {
                long value = Msrs.read(c, m.index);
                if (m.rule == Msr.Rule.READ_ONLY) {
                    assertFaults(() -> Msrs.write(c, m.index, value));
                } else {
                    Msrs.write(c, m.index, value);
                    assertThat(Msrs.read(c, m.index)).isEqualTo(value);
                }
            }
        }
    }

    /** Unless the other vendor has a register at the same index. */
    private static void assertFaults(org.assertj.core.api.ThrowableAssert.ThrowingCallable access, Cpu c, Msr m) {
        for (Msr other : Msr.values()) {
            if (other != m && other.index == m.index && other.isOn(c.model)) {
                return;
            }
        }
        assertFaults(access);
    }

    @ParameterizedTest
    @CsvSource({
        "0x174,0x1234", "0x175,0x123456789abc", "0x277,0x07070707", "0xC0000080,0xD01", "0xC0000082,0xFFFF800000000000",
        "0xC0000084,0xFFFFFFFF", "0xC0000100,0x123456789abc", "0xC0000102,0x00FFFFFFFFFFFFFF", "0xC0000103,0xFFFFFFFF",
        "0x200,0x3FFFFFFFF006", "0x201,0x3FFFFFFFF800", "0x250,0x0605040100010405", "0x2FF,0xC06", "0x400,0xFFFFFFFFFFFFFFFF",
        "0x402,0xaaaaaaaaaaaaaaaa", "0x40F,0xaaaaaaaaaaaaaaaa", "0x48,7", "0xE1,0xFFFFFFFD", "0x3A,1", "0x17B,0", "0x1D9,2",
        "0x6E1,0xFFFFFFFF", "0x140,1"
    })
    void legalValues(String index, String value) {
        Cpu c = cpu(INTEL);
        long v = Long.parseUnsignedLong(value.replace("0x", ""), 16);
        Msrs.write(c, Long.decode(index).intValue(), v);
        assertThat(Msrs.read(c, Long.decode(index).intValue())).isEqualTo(v);
    }

    @ParameterizedTest
    @CsvSource({
        "0x277,0x02", "0x277,0x0800000000000000", "0xC0000080,0x10000", "0xC0000082,0xaaaaaaaaaaaaaaaa", "0xC0000084,0x100000000",
        "0xC0000101,0x0100000000000000", "0xC0000103,0x100000000", "0x175,0xaaaaaaaaaaaaaaaa", "0x200,0x7", "0x200,0x100",
        "0x200,0x400000000000", "0x201,0x400", "0x250,0x02", "0x2FF,0x100", "0x400,0xaaaaaaaaaaaaaaaa", "0x401,1", "0x17B,1", "0x48,8",
        "0x49,2", "0x10B,2", "0xE1,2", "0x3A,3", "0x1D9,0x40", "0x6E1,0x100000000", "0xDA0,1", "0x140,2", "0x1A0,2", "0xCE,0x80001400",
        "0xFE,0x508", "0x410,0"
    })
    void illegalValues(String index, String value) {
        Cpu c = cpu(INTEL);
        assertFaults(() -> Msrs.write(c, Long.decode(index).intValue(), Long.parseUnsignedLong(value.replace("0x", ""), 16)));
    }

    @Test
    void canonicalAddressesFollowWhatTheModelSupportsNotThePagingMode() {
        Cpu narrow = cpu("max-intel,-la57");
        assertFaults(() -> Msrs.write(narrow, 0xC0000100, 0x00FF_FFFF_FFFF_FFFFL));
        Msrs.write(cpu(INTEL), 0xC0000100, 0x00FF_FFFF_FFFF_FFFFL);
    }

    @Test
    void vendorsDiffer() {
        Cpu amd = cpu(AMD);
        Msrs.write(amd, 0xC0000103, 0x1_2345_6789L);
        assertThat(Msrs.read(amd, 0xC0000103)).isEqualTo(0x2345_6789L);
        Msrs.write(amd, 0x176, 0xAAAA_AAAA_AAAA_AAAAL);
        assertThat(Msrs.read(amd, 0x176)).isEqualTo(0xAAAA_AAAAL);
        assertFaults(() -> Msrs.write(amd, 0x401, 1));
        Msrs.write(amd, 0xC0010015, 1 << 18);
        Msrs.write(amd, 0x401, 1);
    }

    @Test
    void featureControlLocks() {
        Cpu c = cpu(INTEL);
        Msrs.write(c, 0x3A, 1);
        assertFaults(() -> Msrs.write(c, 0x3A, 1));
    }

    @Test
    void powerStateConfigurationLocksItsLowHalf() {
        Cpu c = cpu(INTEL);
        assertThat(Msrs.read(c, 0xE2)).as("locked by firmware").isEqualTo(0x8000);
        Msrs.write(c, 0xE2, 0x8001_8000L);
        assertThat(Msrs.read(c, 0xE2)).isEqualTo(0x8001_8000L);
        assertFaults(() -> Msrs.write(c, 0xE2, 0));
        assertFaults(() -> Msrs.write(c, 0xE2, 0x1_0000_8000L));
    }

    @Test
    void firmwareAllowsVmxAndLocks() {
        Cpu c = cpu(INTEL), without = cpu(INTEL + ",-vmx");
        FirmwareRegisters.setUp(c.model, 0xC000_0000L, (index, value) -> Msrs.write(c, index, value));
        assertThat(Msrs.read(c, 0x3A)).isEqualTo(5);
        FirmwareRegisters.setUp(without.model, 0xC000_0000L, (index, value) -> Msrs.write(without, index, value));
        assertThat(Msrs.read(without, 0x3A)).isZero();
    }

    @Test
    void segmentBasesAreThoseOfTheRegisters() {
        Cpu c = cpu(INTEL);
        Msrs.write(c, 0xC0000101, 0x5000);
        assertThat(c.segBase[Cpu.GS]).isEqualTo(0x5000);
        assertThat(c.eaBase[Cpu.GS]).isEqualTo(0x5000);
    }

    @Test
    void timeStampCounterAndItsAdjustmentMoveTogether() {
        Cpu c = cpu(INTEL);
        Msrs.write(c, 0x3B, 100_000_000_000L);
        assertThat(Msrs.read(c, 0x10)).isEqualTo(c.now() + 100_000_000_000L);
        Msrs.write(c, 0x10, 5);
        assertThat(c.tsc()).isEqualTo(5);
        assertThat(Msrs.read(c, 0x3B)).isEqualTo(5 - c.now());
        Msrs.write(c, 0x3B, 0);
        assertThat(c.tsc()).isEqualTo(c.now());
    }

    @Test
    void x2apicRegistersNeedX2apicMode() {
        Cpu c = cpu(INTEL);
        assertFaults(() -> Msrs.read(c, 0x803));
        Msrs.write(c, 0x1B, c.apicBaseMsr | 0x400);
        assertThat(Msrs.read(c, 0x803) & 0xFF).isEqualTo(0x15);
        Msrs.write(c, 0x808, 0x20);
        assertThat(c.apic.cr8()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(longs = {0xB000_0000L, 0xC000_0000L, 0xE000_0000L})
    void memoryTypesCoverDeviceMemoryExactly(long devices) {
        Cpu c = cpu(INTEL);
        FirmwareRegisters.setUp(c.model, devices, (index, value) -> Msrs.write(c, index, value));
        for (long address : new long[] {0x10_0000, devices - 1, devices, 0xFEE0_0000L, 0xFFFF_FFFFL, 0x1_0000_0000L}) {
            boolean uncacheable = false;
            for (int i = 0; i < 16; i += 2) {
                long mask = Msrs.read(c, 0x201 + i);
                boolean valid = (mask & 0x800) != 0;
                uncacheable |= valid && (address & mask & -0x1000L) == (Msrs.read(c, 0x200 + i) & mask & -0x1000L);
            }
            assertThat(uncacheable).as(Long.toHexString(address)).isEqualTo(address >= devices && address < 1L << 32);
        }
    }
}
