package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.KvmException.Error;
import dev.javisor.hypervisor.abi.MsrFilter;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.VcpuEvents;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Instructions that wait for userspace: whole state saved in their middle, immediate exits, and events that come meanwhile. */
class PendingExitTest {
    private static final int LSTAR = 0xC000_0082;

    private static void setUp(Vm vm) {
        vm.setMsrFilter(new MsrFilter(
                MsrFilter.DEFAULT_ALLOW, List.of(new MsrFilter.Range(MsrFilter.READ | MsrFilter.WRITE, LSTAR, 1, new byte[1]))));
        vm.enableCap(Capability.X86_USER_SPACE_MSR, Capability.MSR_EXIT_REASON_FILTER);
        vm.enableCap(Capability.EXIT_HYPERCALL, Capability.EXIT_HYPERCALL_ALL);
    }

    private static Guest guest(String... code) {
        Guest g = Guest.flat(Engine.INTERPRETER, code);
        setUp(g.vm);
        return g;
    }

    /** The guest's whole state, given to another machine. */
    private static Guest moved(Guest from, String... code) {
        StateOutput out = new StateOutput();
        from.vm.save(out);
        Guest to = guest(code);
        byte[] memory = from.ram.toArray(ValueLayout.JAVA_BYTE);
        to.vm.memory().write(0, memory, 0, memory.length);
        to.vm.load(new StateInput(out.toByteArray()));
        return to;
    }

    private static void answer(VcpuExit x) {
        switch (x) {
            case VcpuExit.Io io when io.direction() == VcpuExit.IO_IN -> io.setValue(0x41424344);
            case VcpuExit.Mmio m when !m.isWrite() -> m.setValue(0x1122_3344_5566_7788L);
            case VcpuExit.Rdmsr r -> r.data = 0x99;
            case VcpuExit.Hypercall h -> h.result = -14;
            default -> { }
        }
    }

    private static String[] code(String instructions) {
        return ("mov esi, 0x800000\nmov edi, 0x2000\nmov edx, 0x10\nmov ecx, 3\ncld\n" + instructions + "\nnop\nhlt").split("\n");
    }

    static Stream<String> instructions() {
        return Stream.of(
                "in al, 0x10", "in eax, dx", "rep insb", "mov eax, [esi]", "add [esi], edx", "rep movsd", "rep outsb", "push dword [esi]",
                "mov ecx, 0xC0000082\nrdmsr", "mov ecx, 0xC0000082\nwrmsr", "movsd\nmovsd", "out dx, al", "xchg [esi], eax",
                "mov eax, 12\nmov ebx, 0x3000\nmov ecx, 1\nvmcall");
    }

    private static byte[] end(Guest g) {
        StateOutput out = new StateOutput();
        g.vm.save(out);
        return out.toByteArray();
    }

    @ParameterizedTest
    @MethodSource("instructions")
    void aMachineThatIsMovedAtEachExitGoesOnWithoutTrace(String instructions) {
        String[] code = code(instructions);
        byte[] expected;
        int exits = 0;
        try (Guest g = guest(code)) {
            VcpuExit x = g.vcpu.run();
            for (; !(x instanceof VcpuExit.Hlt); x = g.vcpu.run()) {
                exits++;
                answer(x);
            }
            expected = end(g);
        }
        assertThat(exits).isPositive();
        for (boolean answered : new boolean[] {false, true}) {
            Guest g = guest(code);
            try {
                for (VcpuExit x = g.vcpu.run(); !(x instanceof VcpuExit.Hlt); x = g.vcpu.run()) {
                    if (answered) {
                        answer(x);
                    }
                    Guest next = moved(g, code);
                    g.close();
                    g = next;
                    if (!answered && g.vcpu.getPendingExit() != null) {
                        assertThat(g.vcpu.getPendingExit()).hasSameClassAs(x);
                        answer(g.vcpu.getPendingExit());
                    }
                }
                assertThat(end(g)).isEqualTo(expected);
            } finally {
                g.close();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("instructions")
    void anImmediateExitCompletesTheInstructionAndNoMore(String instructions) {
        String[] code = code(instructions);
        try (Guest g = guest(code); Guest plain = guest(code)) {
            VcpuExit x = g.vcpu.run();
            g.vcpu.setImmediateExit(true);
            while (!(x instanceof VcpuExit.Intr)) {
                answer(x);
                x = g.vcpu.run();
            }
            assertThat(g.vcpu.getPendingExit()).isNull();
            byte[] state = end(g);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Intr());
            assertThat(end(g)).as("nothing goes on").isEqualTo(state);
            g.vcpu.setImmediateExit(false);
            for (x = g.vcpu.run(); !(x instanceof VcpuExit.Hlt); x = g.vcpu.run()) {
                answer(x);
            }
            for (x = plain.vcpu.run(); !(x instanceof VcpuExit.Hlt); x = plain.vcpu.run()) {
                answer(x);
            }
            assertThat(end(g)).isEqualTo(end(plain));
        }
    }

    @Test
    void whoeverSetsAnotherInstructionPointerDoesNotGetTheOldInstruction() {
        for (String wait : new String[] {"in al, 0x10", "mov eax, [0x800000]"}) {
            try (Guest g = guest(wait, "inc ebx", "hlt")) {
                answer(g.vcpu.run());
                Regs r = g.vcpu.getRegs();
                r.rip = Guest.CODE + (wait.startsWith("in") ? 2 : 5);
                g.vcpu.setRegs(r);
                assertThat(g.vcpu.getPendingExit()).isNull();
                assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
                assertThat(g.vcpu.getRegs().rax).isZero();
                assertThat(g.vcpu.getRegs().rbx).isEqualTo(1);
            }
        }
    }

    @Test
    void readingAndWritingBackTheRegistersLeavesTheInstructionAlone() {
        try (Guest g = guest("in al, 0x10", "hlt")) {
            answer(g.vcpu.run());
            g.vcpu.setRegs(g.vcpu.getRegs());
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(g.vcpu.getRegs().rax).isEqualTo(0x44);
        }
    }

    @Test
    void storesThatWaitInTheRingArePartOfTheState() {
        String[] code = {"mov dword [0x800000], 7", "in al, 0x10", "hlt"};
        try (Guest g = guest(code)) {
            g.vm.registerCoalescedMmio(false, 0x800000, 0x1000);
            g.vcpu.run();
            try (Guest next = moved(g, code)) {
                assertThat(next.vm.coalescedRing()).singleElement().satisfies(s -> assertThat(s.physAddr).isEqualTo(0x800000));
            }
        }
    }

    // ---- events while an instruction waits ----

    private static String nmiCode(String wait) {
        return wait + "\nafter: mov ebx, 1\nhlt";
    }

    @ParameterizedTest
    @ValueSource(strings = {"in al, 0x10", "mov eax, [0x800000]"})
    void anNmiComesBehindTheInstructionThatWaits(String wait) {
        Consumer<Vm> none = vm -> {};
        try (Guest g = Guest.flatWithHandler(none, new String[] {"mov ecx, [esp]", "mov edx, eax", "iretd"}, nmiCode(wait))) {
            g.vm.memory().write(Guest.IDT + 16, 8, Guest.HANDLER | 8 << 16 | 0x8E00L << 32);
            VcpuExit x = g.vcpu.run();
            g.vcpu.nmi();
            VcpuEvents v = g.vcpu.getVcpuEvents();
            assertThat(v.nmiPending).isEqualTo(1);
            assertThat(v.nmiInjected || v.exceptionPending || v.interruptInjected).isFalse();
            g.vcpu.setVcpuEvents(v);
            answer(x);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(g.vcpu.getRegs().rdx).as("the answer is there already").isNotZero();
            assertThat(g.vcpu.getRegs().rcx).as("return address").isEqualTo(Guest.CODE + (wait.startsWith("in") ? 2 : 5));
            assertThat(g.vcpu.getRegs().rbx).isEqualTo(1);
            assertThat(g.vcpu.getVcpuEvents().nmiPending).isZero();
        }
    }

    @Test
    void twoNmisAreKeptAndAThirdIsNot() {
        try (Guest g = guest("hlt")) {
            g.vcpu.nmi();
            g.vcpu.nmi();
            assertThat(g.vcpu.getVcpuEvents().nmiPending).isEqualTo(2);
            g.vcpu.nmi();
            VcpuEvents v = g.vcpu.getVcpuEvents();
            assertThat(v.nmiPending).isEqualTo(2);
            v.nmiMasked = true;
            v.nmiPending = 1;
            g.vcpu.setVcpuEvents(v);
            g.vcpu.nmi();
            assertThat(g.vcpu.getVcpuEvents().nmiPending).as("while NMIs are blocked").isEqualTo(1);
            assertThat(g.vcpu.run()).as("still blocked").isEqualTo(new VcpuExit.Hlt());
        }
    }

    @Test
    void anSmiIsTakenBetweenInstructionsAndComesBack() {
        try (Guest g = guest("in al, 0x10", "mov ebx, [0x38000]", "hlt")) {
            byte[] rsm = {0x0F, (byte) 0xAA};
            g.vm.memory().write(0x38000, rsm, 0, 2);
            VcpuExit x = g.vcpu.run();
            g.vcpu.smi();
            assertThat(g.vcpu.getVcpuEvents().smiPending).isTrue();
            assertThat(g.vcpu.getVcpuEvents().smiSmm).isFalse();
            answer(x);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(g.vcpu.getRegs().rbx).isEqualTo(0xAA0F);
            assertThat(g.ram.get(ValueLayout.JAVA_INT_UNALIGNED, 0x3FEFC)).as("revision, in the state save area").isNotZero();
            assertThat(g.vcpu.getVcpuEvents().smiPending).isFalse();
        }
    }

    // ---- hypercalls of userspace ----

    private static final String MAP = "mov eax, 12\nmov ebx, 0x5000\nmov ecx, 2\nmov edx, 0x10\n";

    @ParameterizedTest
    @ValueSource(strings = {"max-intel:vmcall", "max-amd:vmmcall", "max-intel:db 0x0F, 0x0B, 0x6B, 0x76, 0x6D\nvmcall"})
    void mappingARangeOfMemoryIsUserspacesHypercall(String how) {
        String[] parts = how.split(":", 2);
        try (PvGuest g = new PvGuest(parts[0], vm -> {
            vm.setForcedEmulation(true);
            vm.enableCap(Capability.EXIT_HYPERCALL, Capability.EXIT_HYPERCALL_ALL);
        }).vcpu(MAP + parts[1], "mov [0x2000], eax", "out 0xF4, al")) {
            VcpuExit.Hypercall call = (VcpuExit.Hypercall) g.vcpus.getFirst().run();
            assertThat(call.number).isEqualTo(VcpuExit.Hypercall.MAP_GPA_RANGE);
            assertThat(call.args).containsExactly(0x5000L, 2L, 0x10L, 0L, 0L, 0L);
            assertThat(call.longMode).isFalse();
            call.result = -22;
            g.run();
            assertThat(g.word(0x2000)).isEqualTo(-22);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mov ebx, 0x5001", "mov ecx, 0"})
    void rangesThatAreNoneAreRefused(String bad) {
        try (PvGuest g = new PvGuest("max-intel", vm -> vm.enableCap(Capability.EXIT_HYPERCALL, Capability.EXIT_HYPERCALL_ALL))
                .vcpu(MAP + bad + "\nvmcall", "mov [0x2000], eax", "out 0xF4, al")) {
            g.run();
            assertThat(g.word(0x2000)).isEqualTo(-22);
        }
    }

    @Test
    void withoutTheCapabilityTheHypercallIsUnknown() {
        try (PvGuest g = new PvGuest("max-intel").vcpu(MAP + "vmcall", "mov [0x2000], eax", "out 0xF4, al")) {
            Refusal.of(() -> g.vm.enableCap(Capability.EXIT_HYPERCALL, 1), Error.INVALID_ARGUMENT);
            g.run();
            assertThat(g.word(0x2000)).isEqualTo(-1000);
        }
    }
}
