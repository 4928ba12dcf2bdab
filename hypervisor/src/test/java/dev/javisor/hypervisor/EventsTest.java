package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.javisor.hypervisor.abi.DebugRegs;
import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuEvents;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.abi.X86Mce;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Msr;
import dev.javisor.processor.execution.Engine;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Events from cause to frame. No page is in the extended page tables before it is used, so that the first event of each guest is
 * interrupted by EPT violations while it is delivered: at its gate, its descriptor, its stack.
 */
class EventsTest {
    private static final int GDT = 0x2000, IDT = 0x3000, FRESH_STACK = 0x40000;
    private static final int DB = 1, BP = 3, DF = 8, PF = 14, MC = 18;
    private static final long BS = 1 << 14;
    /** Counts its runs at 5000H + 4 * vector, and keeps the return address of the last one at 6000H + 4 * vector. */
    private static final String HANDLER =
            "h%1$d: inc dword [0x5000+4*%1$d]%n mov eax, [esp+%2$d]%n mov [0x6000+4*%1$d], eax%n %3$s%n iretd%n";

    private static final int[] VECTORS = {DB, 2, BP, 6, DF, PF, MC, 0x20, 0x30};

    /** A flat guest with a handler for each vector, on a stack that was never used. */
    private static Guest guest(Engine engine, String... code) {
        StringBuilder text = new StringBuilder(String.join("\n", code)).append('\n');
        text.append("align 16\n");
        for (int v : VECTORS) {
            boolean coded = v == DF || v == PF;
            text.append(HANDLER.formatted(v, coded ? 4 : 0, v == PF ? "mov eax, cr2\n mov [0x7000], eax\n hlt" : coded ? "hlt" : ""));
        }
        Guest g = Guest.flat(engine, text.toString());
        var program = Asm.program(CodeSize.BITS32, Guest.CODE, text.toString());
        g.vm.memory().write(GDT + 8, 8, 0x00CF_9B00_0000_FFFFL);
        g.vm.memory().write(GDT + 16, 8, 0x00CF_9300_0000_FFFFL);
        for (int v : VECTORS) {
            long at = program.label("h" + v);
            g.vm.memory().write(IDT + 8 * v, 8, at >>> 16 << 48 | 0x8E00L << 32 | 8 << 16 | at & 0xFFFF);
        }
        Sregs s = g.vcpu.getSregs();
        s.gdt.base = GDT;
        s.gdt.limit = 0xFF;
        s.idt.base = IDT;
        s.idt.limit = 0x7FF;
        g.vcpu.setSregs(s);
        Regs r = g.vcpu.getRegs();
        r.rsp = FRESH_STACK;
        g.vcpu.setRegs(r);
        return g;
    }

    private static int count(Guest g, int vector) {
        return g.word(0x5000 + 4 * vector);
    }

    private static long returnAddress(Guest g, int vector) {
        return g.word(0x6000 + 4 * vector);
    }

    private static void runToHlt(Guest g) {
        assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
    }

    @ParameterizedTest
    @EnumSource
    void aBreakpointInstructionIsDeliveredOnceAndBehindItself(Engine engine) {
        try (Guest g = guest(engine, "int3", "int 0x30", "hlt")) {
            runToHlt(g);
            assertThat(count(g, BP)).isEqualTo(1);
            assertThat(returnAddress(g, BP)).isEqualTo(Guest.CODE + 1);
            assertThat(count(g, 0x30)).isEqualTo(1);
            assertThat(returnAddress(g, 0x30)).isEqualTo(Guest.CODE + 3);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSingleStepTrapInterruptedByItsOwnStackIsNotLost(Engine engine) {
        // the trap of NOP is the first event; POPF's own instruction is not stepped
        String[] code = {"mov esp, 0x50000", "mov dword [0x50000-4], 0x102", "sub esp, 4", "popfd", "nop", "hlt"};
        try (Guest g = guest(engine, code)) {
            g.vm.memory().write(0x8000, 4, 0);
            VcpuExit x = g.vcpu.run();
            assertThat(x).isEqualTo(new VcpuExit.Hlt());
            assertThat(count(g, DB)).isEqualTo(1);
            assertThat(g.vcpu.getDebugRegs().dr6 & BS).isEqualTo(BS);
        }
    }

    @ParameterizedTest
    @EnumSource
    void anInterruptWaitsForTheGuestAndComesOnce(Engine engine) {
        try (Guest g = guest(engine, "nop", "nop", "sti", "nop", "after: nop", "hlt")) {
            g.vcpu.interrupt(0x20);
            assertThatThrownBy(() -> g.vcpu.interrupt(0x21))
                    .isInstanceOfSatisfying(KvmException.class, e -> assertThat(e.error()).isEqualTo(KvmException.Error.ALREADY_EXISTS));
            runToHlt(g);
            assertThat(count(g, 0x20)).isEqualTo(1);
            assertThat(returnAddress(g, 0x20)).as("one instruction behind STI").isEqualTo(Guest.CODE + 4);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSecondNmiWaitsForTheEndOfTheFirst(Engine engine) {
        try (Guest g = guest(engine, "nop", "nop", "hlt")) {
            g.vcpu.nmi();
            g.vcpu.run(0);
            g.vcpu.nmi();
            runToHlt(g);
            assertThat(count(g, 2)).isEqualTo(2);
            assertThat(g.vcpu.getVcpuEvents().nmiMasked).isFalse();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPageFaultHasItsEffectWhenItIsInjectedAndNotBefore(Engine engine) {
        try (Guest g = guest(engine, "nop", "hlt")) {
            VcpuEvents v = g.vcpu.getVcpuEvents();
            v.exceptionPending = true;
            v.exceptionNr = PF;
            v.exceptionHasErrorCode = true;
            v.exceptionErrorCode = 2;
            v.exceptionHasPayload = true;
            v.exceptionPayload = 0x1234;
            g.vcpu.setVcpuEvents(v);
            assertThat(g.vcpu.getSregs().cr2).isZero();
            assertThat(g.vcpu.getVcpuEvents().toBytes()).isEqualTo(v.toBytes()).hasSize(64);
            runToHlt(g);
            assertThat(count(g, PF)).isEqualTo(1);
            assertThat(g.word(0x7000)).isEqualTo(0x1234);
        }
    }

    @ParameterizedTest
    @EnumSource
    void anInjectedExceptionHasHadItsEffect(Engine engine) {
        try (Guest g = guest(engine, "nop", "hlt")) {
            Sregs s = g.vcpu.getSregs();
            s.cr2 = 0x77;
            g.vcpu.setSregs(s);
            VcpuEvents v = g.vcpu.getVcpuEvents();
            v.exceptionInjected = true;
            v.exceptionNr = PF;
            v.exceptionHasErrorCode = true;
            g.vcpu.setVcpuEvents(v);
            runToHlt(g);
            assertThat(count(g, PF)).isEqualTo(1);
            assertThat(g.word(0x7000)).isEqualTo(0x77);
        }
    }

    @ParameterizedTest
    @EnumSource
    void exceptionsThatNoProcessorHasAreRefused(Engine engine) {
        try (Guest g = guest(engine, "hlt")) {
            for (int vector : new int[] {2, 32}) {
                VcpuEvents v = g.vcpu.getVcpuEvents();
                v.exceptionInjected = true;
                v.exceptionNr = vector;
                assertThatThrownBy(() -> g.vcpu.setVcpuEvents(v)).isInstanceOf(KvmException.class);
            }
            assertThat(g.vcpu.getVcpuEvents().exceptionInjected).isFalse();
        }
    }

    private static void setUpMachineChecks(Guest g, boolean enabled) {
        Sregs s = g.vcpu.getSregs();
        s.cr4 |= enabled ? 0x40 : 0;
        g.vcpu.setSregs(s);
        g.vcpu.setMsr(Msr.MCG_CTL.index, -1);
        g.vcpu.setMsr(Msr.MC_CTL.index + 4, -1);
    }

    private static X86Mce machineCheck(long status) {
        X86Mce m = new X86Mce();
        m.bank = 1;
        m.status = X86Mce.VALID | status;
        m.addr = 0x1234;
        m.mcgStatus = 5;
        return m;
    }

    @ParameterizedTest
    @EnumSource
    void aMachineCheckComesOnceAndShutsDownAGuestThatCannotTakeIt(Engine engine) {
        try (Guest g = guest(engine, "nop", "hlt", "hlt")) {
            setUpMachineChecks(g, true);
            g.vcpu.setMce(machineCheck(X86Mce.UNCORRECTED));
            runToHlt(g);
            assertThat(count(g, MC)).isEqualTo(1);
            assertThat(returnAddress(g, MC)).isEqualTo(Guest.CODE);
            assertThat(g.vcpu.getMsr(Msr.MC_ADDR.index + 4)).isEqualTo(0x1234);
            g.vcpu.setMce(machineCheck(X86Mce.UNCORRECTED));
            assertThat(g.vcpu.run()).as("the first is still being handled").isEqualTo(new VcpuExit.Shutdown());
        }
        try (Guest g = guest(engine, "hlt")) {
            setUpMachineChecks(g, false);
            g.vcpu.setMce(machineCheck(X86Mce.UNCORRECTED));
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Shutdown());
        }
    }

    @ParameterizedTest
    @EnumSource
    void aCorrectedMachineCheckIsInItsBankAndNoException(Engine engine) {
        try (Guest g = guest(engine, "hlt")) {
            setUpMachineChecks(g, true);
            g.vcpu.setMce(machineCheck(0));
            g.vcpu.setMce(machineCheck(1));
            runToHlt(g);
            assertThat(count(g, MC)).isZero();
            assertThat(g.vcpu.getMsr(Msr.MC_STATUS.index + 4)).isEqualTo(X86Mce.VALID | X86Mce.OVERFLOW | 1);
            X86Mce m = machineCheck(0);
            m.bank = 9;
            assertThatThrownBy(() -> g.vcpu.setMce(m)).isInstanceOf(KvmException.class);
            m.bank = 1;
            m.status = 0;
            assertThatThrownBy(() -> g.vcpu.setMce(m)).isInstanceOf(KvmException.class);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDebuggerStepsTheGuestWithoutItsKnowledge(Engine engine) {
        try (Guest g = guest(engine, "mov eax, 1", "cpuid", "pushfd", "pop ebx", "hlt")) {
            GuestDebug d = new GuestDebug();
            d.control = GuestDebug.ENABLE | GuestDebug.SINGLESTEP;
            g.vcpu.setGuestDebug(d);
            for (long pc : new long[] {5, 7, 8, 9}) {
                VcpuExit.Debug x = (VcpuExit.Debug) g.vcpu.run();
                assertThat(x.pc()).isEqualTo(Guest.CODE + pc);
                assertThat(x.dr6() & BS).isEqualTo(BS);
                assertThat(g.vcpu.getRegs().rflags & 0x100).isZero();
            }
            assertThat(g.vcpu.getDebugRegs().dr6).isEqualTo(0xFFFF0FF0L);
            assertThat(count(g, DB)).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDebuggersBreakpointsAreNotTheGuests(Engine engine) {
        try (Guest g = guest(engine, "nop", "nop", "mov eax, dr7", "int3", "hlt")) {
            GuestDebug d = new GuestDebug();
            d.control = GuestDebug.ENABLE | GuestDebug.USE_HW_BP | GuestDebug.USE_SW_BP;
            d.debugreg[0] = Guest.CODE + 1;
            d.debugreg[7] = 0x402;
            g.vcpu.setGuestDebug(d);
            VcpuExit.Debug hardware = (VcpuExit.Debug) g.vcpu.run();
            assertThat(hardware.exception()).isEqualTo(DB);
            assertThat(hardware.pc()).isEqualTo(Guest.CODE + 1);
            assertThat(hardware.dr6() & 1).isEqualTo(1);
            d.debugreg[7] = 0x400;
            g.vcpu.setGuestDebug(d);
            VcpuExit.Debug software = (VcpuExit.Debug) g.vcpu.run();
            assertThat(software.exception()).isEqualTo(BP);
            assertThat(software.pc()).isEqualTo(Guest.CODE + 5);
            assertThat(g.vcpu.getRegs().rax).as("the guest's DR7").isEqualTo(0x400);
        }
    }

    @ParameterizedTest
    @EnumSource
    void theGuestsBreakpointsAreItsOwn(Engine engine) {
        String[] code = {"mov eax, 0x8000", "mov dr0, eax", "mov eax, 0xD0002", "mov dr7, eax", "mov [0x8000], eax", "nop", "hlt"};
        try (Guest g = guest(engine, code)) {
            runToHlt(g);
            assertThat(count(g, DB)).isEqualTo(1);
            DebugRegs d = g.vcpu.getDebugRegs();
            assertThat(d.db[0]).isEqualTo(0x8000);
            assertThat(d.dr6).isEqualTo(0xFFFF0FF1L);
            assertThat(d.toBytes()).hasSize(128);
        }
    }

    @ParameterizedTest
    @EnumSource
    void debugRegistersExitOnceAndThenNoMore(Engine engine) {
        String[] code = {"mov eax, 0x8000", "mov dr0, eax", "mov dr1, eax", "mov ebx, dr0", "mov ecx, dr6", "mov dr2, eax", "hlt"};
        try (Guest g = guest(engine, code)) {
            runToHlt(g);
            assertThat(g.vcpu.exits().get("MOV DR")).isEqualTo(1);
            assertThat(g.vcpu.getDebugRegs().db[2]).isEqualTo(0x8000);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDebugExceptionThatADebuggerInjectsLeavesDr6AsItIs(Engine engine) {
        try (Guest g = guest(engine, "nop", "hlt")) {
            DebugRegs r = g.vcpu.getDebugRegs();
            r.dr6 = 0xFFFF0FF2L;
            g.vcpu.setDebugRegs(r);
            GuestDebug d = new GuestDebug();
            d.control = GuestDebug.ENABLE | GuestDebug.INJECT_DB;
            g.vcpu.setGuestDebug(d);
            runToHlt(g);
            assertThat(count(g, DB)).isEqualTo(1);
            assertThat(g.vcpu.getDebugRegs().dr6).isEqualTo(0xFFFF0FF2L);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aStackWhosePagesAreLoggedTakesEachFrameOnce(Engine engine) {
        try (Guest g = guest(engine, "int3", "int 0x30", "int3", "hlt")) {
            g.vm.setUserMemoryRegion(0, MemorySlots.LOG_DIRTY_PAGES, 0, g.ram);
            while (g.vcpu.run(g.kvm.timeline().now() + 1) instanceof VcpuExit.Intr) {
                g.vm.getDirtyLog(0);
            }
            assertThat(count(g, BP)).isEqualTo(2);
            assertThat(count(g, 0x30)).isEqualTo(1);
        }
    }
}
