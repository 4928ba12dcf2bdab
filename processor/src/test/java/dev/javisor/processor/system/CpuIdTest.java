package dev.javisor.processor.system;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.CpuModels;
import dev.javisor.isa.Feature;
import dev.javisor.processor.Rig;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.InterruptController;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.system.CpuId.Leaf;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class CpuIdTest {
    static List<String> names() {
        return CpuModels.names();
    }

    private static Cpu cpu(String model) {
        Cpu c = Rig.bits64(model).c;
        c.apicBaseMsr = 0xFEE00900L;
        return c;
    }

    private static boolean has(Cpu c, Feature f) {
        Leaf l = CpuId.query(c, f.leaf, f.subleaf);
        int register = switch (f.register) {
            case EAX -> l.eax();
            case EBX -> l.ebx();
            case ECX -> l.ecx();
            case EDX -> l.edx();
        };
        return (register >>> f.bit & 1) != 0;
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyFeatureShowsExactlyWhenTheModelHasIt(String model) {
        Cpu c = cpu(model);
        c.processors = 2;
        c.cr4 |= Cr.OSXSAVE | Cr.PKE;
        for (Feature f : Feature.values()) {
            boolean beyond = f.leaf > (f.leaf >= 0 ? c.model.maxLeaf() : c.model.maxExtendedLeaf());
            if (!beyond && f.register != null && !isRepeated(c, f)) {
                boolean expected = f == Feature.OSXSAVE ? c.has(Feature.XSAVE) : f == Feature.OSPKE ? c.has(Feature.PKU) : c.has(f);
                assertThat(has(c, f)).as(f.name()).isEqualTo(expected);
            }
        }
    }

    /** AMD repeats bits of leaf 1 in leaf 80000001H, some of which have another meaning, and name, on Intel. */
    private static boolean isRepeated(Cpu c, Feature f) {
        return !c.model.isIntel() && f.leaf == 0x80000001 && f.register == Feature.Register.EDX && (0x0183F3FF >>> f.bit & 1) != 0;
    }

    @Test
    void instructionWritesFourRegisters() {
        Rig r = Rig.bits64().set(Rig.RAX, 0xFFFF_FFFF_0000_0000L).set(Rig.RCX, -1).set(Rig.RDX, -1).set(Rig.RBX, -1);
        r.run("0FA2");
        ByteBuffer id = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
        id.putInt((int) r.get(Rig.RBX)).putInt((int) r.get(Rig.RDX)).putInt((int) r.get(Rig.RCX));
        assertThat(new String(id.array(), StandardCharsets.US_ASCII)).isEqualTo("GenuineIntel");
        assertThat(r.get(Rig.RAX)).isEqualTo(r.c.model.maxLeaf());
        assertThat(r.get(Rig.RBX) >>> 32).isZero();
    }

    @Test
    void bitsThatFollowTheState() {
        Cpu c = cpu("max-intel");
        assertThat(
                List.of(has(c, Feature.APIC), has(c, Feature.OSXSAVE), has(c, Feature.OSPKE), has(c, Feature.HT), has(c, Feature.MONITOR)))
                .containsExactly(true, false, false, false, true);
        c.cr4 |= Cr.OSXSAVE | Cr.PKE;
        c.apicBaseMsr = 0xFEE00100L;
        c.processors = 2;
        c.miscEnable &= ~(1L << 18);
        assertThat(
                List.of(has(c, Feature.APIC), has(c, Feature.OSXSAVE), has(c, Feature.OSPKE), has(c, Feature.HT), has(c, Feature.MONITOR)))
                .containsExactly(false, true, true, true, false);
        c.miscEnable |= 1L << 34;
        assertThat(has(c, Feature.NX)).isFalse();
    }

    @Test
    void leavesBeyondTheHighest() {
        assertThat(CpuId.query(cpu("skylake-server"), 0x12345, 0)).isEqualTo(CpuId.query(cpu("skylake-server"), 0x16, 0));
        assertThat(CpuId.query(cpu("max-amd"), 0x12345, 0)).isEqualTo(new Leaf(0, 0, 0, 0));
        assertThat(CpuId.query(cpu("max-amd"), 0x8FFFFFFF, 0)).isEqualTo(new Leaf(0, 0, 0, 0));
        Cpu limited = cpu("max-intel");
        limited.miscEnable |= 1 << 22;
        assertThat(CpuId.query(limited, 0, 0).eax()).isEqualTo(2);
    }

    @Test
    void clocksAgreeWithGuestTime() {
        Leaf l = CpuId.query(cpu("max-intel"), 0x15, 0);
        assertThat(Integer.toUnsignedLong(l.ecx()) * l.ebx() / l.eax()).isEqualTo(Timeline.FREQUENCY);
        assertThat(Integer.toUnsignedLong(l.ecx())).isEqualTo(InterruptController.CRYSTAL_FREQUENCY);
        assertThat(CpuId.query(cpu("max-intel"), 0x16, 0).eax() * 1_000_000L).isEqualTo(Timeline.FREQUENCY);
    }

    @ParameterizedTest
    @CsvSource({"1,0", "2,1", "3,2", "4,2", "64,6"})
    void topologyGivesEveryProcessorACore(int processors, int bits) {
        Cpu c = cpu("max-intel");
        c.processors = processors;
        assertThat(CpuId.query(c, 0xB, 0)).isEqualTo(new Leaf(0, 1, 0x100, 0));
        assertThat(CpuId.query(c, 0xB, 1)).isEqualTo(new Leaf(bits, processors, 0x201, 0));
        assertThat(CpuId.query(c, 0xB, 2)).isEqualTo(new Leaf(0, 0, 2, 0));
        assertThat(CpuId.query(c, 4, 0).eax() >>> 26).isEqualTo((1 << bits) - 1);
    }

    @Test
    void cacheSizes() {
        Leaf l = CpuId.query(cpu("max-intel"), 4, 3);
        int size = ((l.ebx() >>> 22) + 1) * ((l.ebx() & 0xFFF) + 1) * (l.ecx() + 1);
        assertThat(size).isEqualTo(32 << 20);
        assertThat(CpuId.query(cpu("max-intel"), 4, 4).eax() & 31).isZero();
        assertThat(CpuId.query(cpu("max-amd"), 0x8000001D, 3).ecx()).isEqualTo(l.ecx());
    }

    @Test
    void extendedState() {
        Cpu c = cpu("max-intel");
        c.xcr0 = 1;
        assertThat(CpuId.query(c, 0xD, 0).ebx()).isEqualTo(576);
        assertThat(CpuId.query(c, 0xD, 0).eax()).isEqualTo((int) ExtendedControl.userState(c));
        assertThat(CpuId.query(c, 0xD, 9).eax()).as("PKRU").isEqualTo(8);
        assertThat(CpuId.query(cpu("max-intel,-pku"), 0xD, 9)).isEqualTo(new Leaf(0, 0, 0, 0));
        assertThat(CpuId.query(cpu("qemu64"), 0xD, 0)).isEqualTo(new Leaf(0, 0, 0, 0));
    }

    @Test
    void hypervisorLeafOnlyWhenAsked() {
        assertThat(CpuId.query(cpu("max-intel"), 0x40000000, 0).ebx()).isNotEqualTo(0x6976614A);
        assertThat(CpuId.query(cpu("max-intel,+hypervisor"), 0x40000000, 0).ebx()).isEqualTo(0x6976614A);
    }

    @Test
    void faultsForUsersWhenAskedTo() {
        Rig r = Rig.bits64();
        Msrs.write(r.c, 0x140, 1);
        r.run("0FA2");
        r.c.cpl = 3;
        assertThat(r.fault("0FA2")).isEqualTo(Event.exception(Event.GP, 0));
    }

    @Test
    void physicalAndLinearWidths() {
        assertThat(CpuId.query(cpu("max-intel,phys-bits=40"), 0x80000008, 0).eax()).isEqualTo(57 << 8 | 40);
        assertThat(CpuId.query(cpu("qemu64"), 0x80000008, 0).eax()).isEqualTo(48 << 8 | 40);
    }
}
