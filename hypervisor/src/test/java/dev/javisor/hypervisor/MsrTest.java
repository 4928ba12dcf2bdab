package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.KvmException.Error;
import dev.javisor.hypervisor.abi.MsrEntry;
import dev.javisor.hypervisor.abi.MsrFilter;
import dev.javisor.hypervisor.abi.MsrFilter.Range;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.execution.Engine;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class MsrTest {
    private static final int LSTAR = 0xC000_0082, PAT = 0x277, UNKNOWN = 0x4B56_4DFF, ARCH_CAPABILITIES = 0x10A;
    private static final String[] READ_LSTAR = {"mov ecx, 0xC0000082", "rdmsr", "mov ebx, eax", "hlt"};

    private static MsrEntry msr(int index, long data) {
        return new MsrEntry(index, data);
    }

    private static MsrFilter deny(int access, int index) {
        return new MsrFilter(MsrFilter.DEFAULT_ALLOW, List.of(new Range(access, index, 1, new byte[1])));
    }

    @Test
    void registersAreWrittenAndReadUpToTheFirstThatDoesNotExist() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt")) {
            assertThat(g.vcpu.setMsrs(msr(LSTAR, 5), msr(UNKNOWN, 0), msr(LSTAR, 6))).isEqualTo(1);
            assertThat(g.vcpu.setMsrs(msr(LSTAR, 7), msr(PAT, 2))).as("memory type 2 is reserved").isEqualTo(1);
            MsrEntry[] read = {msr(LSTAR, 0), msr(PAT, 0), msr(UNKNOWN, 0), msr(LSTAR, 99)};
            assertThat(g.vcpu.getMsrs(read)).isEqualTo(2);
            assertThat(read).extracting(e -> e.data).containsExactly(7L, 0x0007_0406_0007_0406L, 0L, 99L);
            assertThat(read[0].toBytes()).hasSize(16);
            Refusal.of(() -> g.vcpu.getMsrs(new MsrEntry[257]), Error.TOO_BIG);
        }
    }

    @Test
    void theStateInTheIndexListCanBeReadAndRestored() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt")) {
            MsrEntry[] all = Arrays.stream(g.kvm.getMsrIndexList()).mapToObj(i -> msr(i, 0)).toArray(MsrEntry[]::new);
            assertThat(g.vcpu.getMsrs(all)).isEqualTo(all.length);
            assertThat(g.vcpu.setMsrs(all)).isEqualTo(all.length);
            assertThat(all).extracting(e -> e.index).contains(LSTAR, PAT, 0x10, 0xC000_0080).doesNotContain(ARCH_CAPABILITIES, 0x800);
        }
    }

    @Test
    void featureRegistersAreTheSystems() {
        try (Kvm kvm = Kvm.open()) {
            MsrEntry[] all = Arrays.stream(kvm.getMsrFeatureIndexList()).mapToObj(i -> msr(i, 0)).toArray(MsrEntry[]::new);
            assertThat(kvm.getMsrs(all)).isEqualTo(all.length).isPositive();
            assertThat(kvm.getMsrs(msr(LSTAR, 0))).isZero();
        }
    }

    @Test
    void aFilteredRegisterIsAGeneralProtectionOrAnExit() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, READ_LSTAR)) {
            g.vm.setMsrFilter(deny(MsrFilter.READ, LSTAR));
            g.vm.enableCap(Capability.X86_USER_SPACE_MSR, Capability.MSR_EXIT_REASON_FILTER);
            VcpuExit.Rdmsr exit = (VcpuExit.Rdmsr) g.vcpu.run();
            assertThat(exit.index).isEqualTo(LSTAR);
            assertThat(exit.reason).isEqualTo(Capability.MSR_EXIT_REASON_FILTER);
            exit.data = 0x55;
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(g.vcpu.getRegs().rbx).isEqualTo(0x55);
        }
        try (Guest g = Guest.flat(Engine.INTERPRETER, READ_LSTAR)) {
            g.vm.setMsrFilter(deny(MsrFilter.READ, LSTAR));
            assertThat(g.vcpu.run()).as("#GP without IDT").isEqualTo(new VcpuExit.Shutdown());
        }
        try (Guest g = Guest.flat(Engine.INTERPRETER, READ_LSTAR)) {
            g.vm.setMsrFilter(deny(MsrFilter.WRITE, LSTAR));
            g.vcpu.setMsr(LSTAR, 0x66);
            assertThat(g.vcpu.run()).as("only writes are filtered").isEqualTo(new VcpuExit.Hlt());
            assertThat(g.vcpu.getRegs().rbx).isEqualTo(0x66);
        }
    }

    @Test
    void theFirstRangeThatCoversAnAccessDecides() {
        byte[] third = {4};
        MsrFilter f = new MsrFilter(
                MsrFilter.DEFAULT_DENY,
                List.of(new Range(MsrFilter.READ, 0x100, 3, third), new Range(MsrFilter.READ | MsrFilter.WRITE, 0x100, 3, new byte[] {7})));
        assertThat(f.allows(0x101, MsrFilter.READ)).isFalse();
        assertThat(f.allows(0x102, MsrFilter.READ)).isTrue();
        assertThat(f.allows(0x101, MsrFilter.WRITE)).isTrue();
        assertThat(f.allows(0x103, MsrFilter.WRITE)).isFalse();
        assertThat(f.allows(0x80B, MsrFilter.WRITE)).as("x2APIC").isTrue();
    }

    @Test
    void unknownRegistersAndBadValuesExitWhereTheCallerWantsIt() {
        String[] code = {"mov ecx, 0x277", "mov eax, 2", "mov edx, 0", "wrmsr", "mov ecx, 0x4B564DFF", "rdmsr", "hlt"};
        try (Guest g = Guest.flat(Engine.INTERPRETER, code)) {
            int reasons = Capability.MSR_EXIT_REASON_INVAL | Capability.MSR_EXIT_REASON_UNKNOWN;
            g.vm.enableCap(Capability.X86_USER_SPACE_MSR, reasons);
            VcpuExit.Wrmsr write = (VcpuExit.Wrmsr) g.vcpu.run();
            assertThat(write.index).isEqualTo(PAT);
            assertThat(write.data).isEqualTo(2);
            assertThat(write.reason).isEqualTo(Capability.MSR_EXIT_REASON_INVAL);
            VcpuExit.Rdmsr read = (VcpuExit.Rdmsr) g.vcpu.run();
            assertThat(read.reason).isEqualTo(Capability.MSR_EXIT_REASON_UNKNOWN);
            read.error = true;
            assertThat(g.vcpu.run()).as("#GP without IDT").isEqualTo(new VcpuExit.Shutdown());
        }
    }

    @Test
    void impossibleFiltersAreRefused() {
        Range good = new Range(MsrFilter.READ, 0, 8, new byte[1]);
        Refusal.of(() -> new MsrFilter(2, List.of(good)), Error.INVALID_ARGUMENT);
        Refusal.of(() -> new MsrFilter(MsrFilter.DEFAULT_DENY, List.of()), Error.INVALID_ARGUMENT);
        Refusal.of(() -> new MsrFilter(0, Collections.nCopies(17, good)), Error.INVALID_ARGUMENT);
        for (Range bad : List.of(
                new Range(0, 0, 8, new byte[1]),
                new Range(4, 0, 8, new byte[1]),
                new Range(1, 0, 9, new byte[1]),
                new Range(1, 0, 0, new byte[0]),
                new Range(1, 0, 8 * 0x601, new byte[0x601]))) {
            Refusal.of(() -> new MsrFilter(0, List.of(bad)), Error.INVALID_ARGUMENT);
        }
    }
}
