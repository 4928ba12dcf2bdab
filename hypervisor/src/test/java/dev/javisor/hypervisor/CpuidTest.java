package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.CpuidEntry;
import dev.javisor.hypervisor.abi.KvmException.Error;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.execution.Engine;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class CpuidTest {
    private static final String[] CPUID = {"cpuid", "hlt"};
    private static final int SMEP = 1 << 7, RDRAND = 1 << 30, OSXSAVE = 1 << 27, XSAVE = 1 << 26;

    private static CpuidEntry leaf(List<CpuidEntry> entries, int function, int index) {
        return entries.stream().filter(e -> e.function == function && e.index == index).findFirst().orElseThrow();
    }

    private static Guest guest(Consumer<List<CpuidEntry>> change, int eax, int ecx, String... code) {
        Guest g = Guest.flat(Engine.INTERPRETER, code);
        List<CpuidEntry> entries = new ArrayList<>(g.kvm.getSupportedCpuid());
        change.accept(entries);
        g.vcpu.setCpuid2(entries);
        var r = g.vcpu.getRegs();
        r.rax = eax & 0xFFFF_FFFFL;
        r.rcx = ecx;
        g.vcpu.setRegs(r);
        return g;
    }

    @Test
    void whatIsSupportedIsWhatTheProcessorAnswersItself() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "mov eax, 7", "mov ecx, 0", "cpuid", "hlt")) {
            List<CpuidEntry> supported = g.kvm.getSupportedCpuid();
            g.vcpu.run();
            assertThat(g.vcpu.getRegs().rbx).isEqualTo(leaf(supported, 7, 0).ebx & 0xFFFF_FFFFL);
            assertThat(supported).hasSizeLessThanOrEqualTo(256).allMatch(e -> e.toBytes().length == 40);
            assertThat(g.vcpu.getCpuid2()).isEmpty();
        }
    }

    @Test
    void theAnswersAreTheCallersButForWhatFollowsTheProcessor() {
        try (Guest g = guest(e -> leaf(e, 1, 0).ebx = 0x1234, 1, 0, CPUID)) {
            g.vcpu.run();
            assertThat(g.vcpu.getRegs().rbx).isEqualTo(0x1234);
            assertThat(g.vcpu.getRegs().rcx & OSXSAVE).isZero();
            assertThat(leaf(g.vcpu.getCpuid2(), 1, 0).ebx).isEqualTo(0x1234);
        }
        try (Guest g = guest(e -> {}, 1, 0, CPUID)) {
            Sregs s = g.vcpu.getSregs();
            s.cr4 |= 1 << 18;
            g.vcpu.setSregs(s);
            g.vcpu.run();
            assertThat(g.vcpu.getRegs().rcx & OSXSAVE).isEqualTo(OSXSAVE);
        }
    }

    @Test
    void aLeafBeyondTheLastIsTheLastOfAnIntelProcessor() {
        try (Guest g = guest(e -> {}, 0x3FFF_FFFF, 0, CPUID)) {
            CpuidEntry last = leaf(g.vcpu.getCpuid2(), leaf(g.vcpu.getCpuid2(), 0, 0).eax, 0);
            g.vcpu.run();
            assertThat(g.vcpu.getRegs().rbx).isEqualTo(last.ebx & 0xFFFF_FFFFL);
        }
    }

    @Test
    void whatIsNotEnumeratedIsNotThere() {
        try (Guest g = guest(e -> leaf(e, 7, 0).ebx &= ~SMEP, 0, 0, "mov eax, 0x100000", "mov cr4, eax", "hlt")) {
            assertThat(g.vcpu.run()).as("#GP without IDT").isEqualTo(new VcpuExit.Shutdown());
        }
        try (Guest g = guest(e -> leaf(e, 1, 0).ecx &= ~RDRAND, 0, 0, "rdrand eax", "hlt")) {
            assertThat(g.vcpu.run()).as("#UD without IDT").isEqualTo(new VcpuExit.Shutdown());
        }
        try (Guest g = guest(e -> leaf(e, 1, 0).ecx &= ~XSAVE, 0, 0, "hlt")) {
            Sregs s = g.vcpu.getSregs();
            s.cr4 |= 1 << 18;
            Refusal.of(() -> g.vcpu.setSregs(s), Error.INVALID_ARGUMENT);
        }
        try (Guest g = guest(e -> {}, 0, 0, "mov eax, 0x100000", "mov cr4, eax", "rdrand eax", "hlt")) {
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
        }
    }

    @Test
    void impossibleAnswersAreRefusedAndTheOldOnesStay() {
        try (Guest g = guest(e -> {}, 0, 0, CPUID)) {
            List<CpuidEntry> before = g.vcpu.getCpuid2();
            List<Consumer<List<CpuidEntry>>> bad = List.of(
                    e -> e.add(leaf(e, 1, 0)),
                    e -> leaf(e, 1, 0).flags = 2,
                    e -> leaf(e, 0, 0).ecx = 0,
                    e -> leaf(e, 1, 0).ecx |= 1 << 5,
                    e -> leaf(e, 0x8000_0008, 0).eax = 0x3034,
                    e -> leaf(e, 0x8000_0008, 0).eax = 0x3A24);
            for (Consumer<List<CpuidEntry>> change : bad) {
                List<CpuidEntry> entries = new ArrayList<>(g.kvm.getSupportedCpuid());
                change.accept(entries);
                Refusal.of(() -> g.vcpu.setCpuid2(entries), Error.INVALID_ARGUMENT);
            }
            Refusal.of(() -> g.vcpu.setCpuid2(Collections.nCopies(257, new CpuidEntry())), Error.TOO_BIG);
            assertThat(g.vcpu.getCpuid2()).usingRecursiveFieldByFieldElementComparator().isEqualTo(before);
        }
    }

    @Test
    void aVcpuThatHasRunKeepsItsAnswers() {
        try (Guest g = guest(e -> {}, 0, 0, CPUID)) {
            g.vcpu.run();
            List<CpuidEntry> same = new ArrayList<>(g.kvm.getSupportedCpuid());
            Collections.reverse(same);
            g.vcpu.setCpuid2(same);
            leaf(same, 1, 0).ebx = 7;
            Refusal.of(() -> g.vcpu.setCpuid2(same), Error.INVALID_ARGUMENT);
        }
    }
}
