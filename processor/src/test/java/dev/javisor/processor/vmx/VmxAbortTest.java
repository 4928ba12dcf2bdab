package dev.javisor.processor.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxAbort;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.execution.Engine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** VM exits that cannot be completed: the processor shuts down, and the VMCS region tells why. */
class VmxAbortTest {
    private static final long LIST = 0x78000, TSC_AUX = 0xC000_0103L, FS_BASE = 0xC000_0100L;
    private static final int NO_MSR = 0x4FF;

    private static VmxHost guest(Engine engine) {
        return new VmxHost(engine, "vmcall");
    }

    private static void entry(VmxHost h, int n, long msr, long value) {
        h.memory.write(LIST + 16 * n, 8, msr);
        h.memory.write(LIST + 16 * n + 8, 8, value);
    }

    private static void expect(VmxHost h, VmxAbort abort) {
        assertThat(h.enter()).isTrue();
        h.go();
        assertThat(h.c.activity).isEqualTo(Cpu.SHUTDOWN);
        assertThat(h.c.shutdownReason).contains(abort.text);
        assertThat(h.memory.read(VmxHost.VMCS + 4, 4)).as("VMX-abort indicator").isEqualTo(abort.number);
        h.c.request(Cpu.NMI_REQUEST);
        h.c.request(Cpu.INIT_REQUEST);
        h.go();
        assertThat(h.c.activity).as("but RESET ends it").isEqualTo(Cpu.SHUTDOWN);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void listsOfGoodEntriesAreStoredAndLoaded(Engine engine) {
        VmxHost h = guest(engine).set(VmcsField.EXIT_MSR_STORE_ADDRESS, LIST).set(VmcsField.EXIT_MSR_STORE_COUNT, 1);
        h.set(VmcsField.EXIT_MSR_LOAD_ADDRESS, LIST + 16).set(VmcsField.EXIT_MSR_LOAD_COUNT, 1);
        h.c.tscAux = 5;
        entry(h, 0, TSC_AUX, 0);
        entry(h, 1, TSC_AUX, 6);
        h.run();
        assertThat(h.memory.read(LIST + 8, 8)).isEqualTo(5);
        assertThat(h.c.tscAux).isEqualTo(6);
        assertThat(h.memory.read(VmxHost.VMCS + 4, 4)).isZero();
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void anEntryThatCannotBeStored(Engine engine) {
        for (long msr : new long[] {NO_MSR, 0x9E, TSC_AUX | 1L << 32}) {
            VmxHost h = guest(engine).set(VmcsField.EXIT_MSR_STORE_ADDRESS, LIST).set(VmcsField.EXIT_MSR_STORE_COUNT, 1);
            entry(h, 0, msr, 0);
            expect(h, VmxAbort.SAVING_GUEST_MSRS);
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void anEntryThatCannotBeLoaded(Engine engine) {
        for (long msr : new long[] {NO_MSR, FS_BASE, TSC_AUX | 1L << 32}) {
            VmxHost h = guest(engine).set(VmcsField.EXIT_MSR_LOAD_ADDRESS, LIST).set(VmcsField.EXIT_MSR_LOAD_COUNT, 1);
            entry(h, 0, msr, 0);
            expect(h, VmxAbort.LOADING_HOST_MSRS);
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aListLongerThanRecommended(Engine engine) {
        for (boolean load : new boolean[] {true, false}) {
            VmxHost h = guest(engine).set(load ? VmcsField.EXIT_MSR_LOAD_ADDRESS : VmcsField.EXIT_MSR_STORE_ADDRESS, LIST);
            h.set(load ? VmcsField.EXIT_MSR_LOAD_COUNT : VmcsField.EXIT_MSR_STORE_COUNT, 513);
            for (int n = 0; n < 513; n++) {
                entry(h, n, TSC_AUX, 0);
            }
            expect(h, load ? VmxAbort.LOADING_HOST_MSRS : VmxAbort.SAVING_GUEST_MSRS);
        }
    }

    /** The host returns to page-directory pointers with reserved bits. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void pageDirectoryPointersOfTheHostThatAreNotValid(Engine engine) {
        VmxHost good = guest(engine).withEpt().in32BitMode(0).outsideIa32eMode();
        assertThat(good.run()).isEqualTo(ExitReason.VMCALL);
        VmxHost h = guest(engine).withEpt().in32BitMode(0).outsideIa32eMode().set(VmcsField.HOST_CR3, VmxHost.POINTERS + 32);
        h.memory.write(VmxHost.POINTERS + 32, 8, 0x1FF);
        expect(h, VmxAbort.HOST_PDPTES);
    }

    /** The guest was entered outside IA-32e mode, and has entered it since. */
    @ParameterizedTest
    @EnumSource(Engine.class)
    void aHostOutsideIa32eModeIsNotReturnedToFromInsideIt(Engine engine) {
        VmxHost h = new VmxHost(engine, "mov ecx, 0xc0000080", "xor edx, edx", "mov eax, 0x100", "wrmsr", "mov eax, 0x30000",
                "mov cr3, rax", "mov eax, 0x80000033", "mov cr0, rax", "vmcall").withEpt().in32BitMode(0).outsideIa32eMode();
        expect(h, VmxAbort.HOST_NOT_IN_64_BIT_MODE);
    }
}
