package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.MsrFilter;
import dev.javisor.hypervisor.abi.VcpuExit;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Behind the prefix everything is as without it. */
class ForcedEmulationTest {
    private static final String FEP = "db 0x0F, 0x0B, 0x6B, 0x76, 0x6D\n";
    private static final int DB = 1, UD = 6, GP = 13, PF = 14;
    private static final String END = "out 0xF4, al";
    private static final String CPU = "max-intel";

    /** Takes note of DR6 and of where it was, by the count of #DB. */
    private static final String[] STEPS = {
        "push eax", "push ecx", "mov ecx, [0x3000]", "mov eax, dr6", "mov [0x3010+ecx*8], eax", "mov eax, [esp+8]",
        "mov [0x3014+ecx*8], eax", "inc dword [0x3000]", "xor eax, eax", "mov dr6, eax", "or dword [esp+16], 0x10000", "pop ecx",
        "pop eax", "iret"
    };

    private static PvGuest guest(String... code) {
        return new PvGuest(CPU, vm -> vm.setForcedEmulation(true)).on(DB, STEPS).vcpu(code);
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "add eax, [0x2000]", "push dword [0x2000]\npop edx", "cpuid", "mov dr6, ebx", "lock xadd [0x2000], eax", "call there\nthere:",
        "movzx edx, byte [esp]", "str ax", "smsw eax", "lea edx, [eax+ebx*2+7]", "bts [0x2004], ecx", "mov ecx, 2\nrep stosd", "daa",
        "cmpxchg8b [0x2000]", "fld1\nfstp qword [0x2008]", "xor ebx, ebx\nsetz [0x2009]"
    })
    void registersMemoryAndFlagsAreTheSame(String instructions) {
        String before = "fninit\nmov eax, 0x12345678\nmov ebx, 3\nmov ecx, 5\nmov edi, 0x2020\nmov dword [0x2000], 0x89ABCDEF\nstc\n";
        String[] lines = instructions.split("\n");
        StringBuilder forced = new StringBuilder(before);
        for (String line : lines) {
            forced.append(line.endsWith(":") ? "" : FEP).append(line).append('\n');
        }
        try (PvGuest plain = guest(before + instructions, "pushfd", END); PvGuest emulated = guest(forced.toString(), "pushfd", END)) {
            assertThat(plain.run()).isEqualTo(emulated.run()).isEqualTo(-1);
            var a = plain.vcpus.getFirst().getRegs();
            var b = emulated.vcpus.getFirst().getRegs();
            b.rip = a.rip;
            assertThat(b.toBytes()).isEqualTo(a.toBytes());
            boolean calls = instructions.startsWith("call");
            for (long at = 0x2000; at < 0x2100; at += 8) {
                assertThat(emulated.get(at, 8)).as("memory at " + Long.toHexString(at)).isEqualTo(plain.get(at, 8));
            }
            assertThat(calls || emulated.get(a.rsp, 4) == plain.get(a.rsp, 4)).as("flags").isTrue();
        }
    }

    @Test
    void userspaceFiltersModelSpecificRegistersHereToo() {
        String[] code = {"mov ecx, 0xC0000082", FEP + "rdmsr", "mov [0x2000], eax", FEP + "wrmsr", "out 0xF4, al"};
        int both = MsrFilter.READ | MsrFilter.WRITE;
        Consumer<Vm> filtered = vm -> {
            vm.setForcedEmulation(true);
            vm.setMsrFilter(new MsrFilter(MsrFilter.DEFAULT_ALLOW, List.of(new MsrFilter.Range(both, 0xC000_0082, 1, new byte[1]))));
        };
        try (PvGuest g = new PvGuest(CPU, filtered).vcpu(code)) {
            assertThat(g.run()).isEqualTo(GP);
        }
        try (PvGuest g = new PvGuest(CPU, filtered).vcpu(code)) {
            g.vm.enableCap(Capability.X86_USER_SPACE_MSR, Capability.MSR_EXIT_REASON_FILTER);
            VcpuExit.Rdmsr read = (VcpuExit.Rdmsr) g.vcpus.getFirst().run();
            read.data = 0x77;
            VcpuExit.Wrmsr write = (VcpuExit.Wrmsr) g.vcpus.getFirst().run();
            assertThat(write.data & 0xFFFF_FFFFL).isEqualTo(0x77);
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(0x2000)).isEqualTo(0x77);
        }
    }

    @Test
    void theTimeIsThatOfTheInstruction() {
        try (PvGuest plain = guest("nop", "nop", END); PvGuest emulated = guest(FEP + "nop", FEP + "nop", END)) {
            plain.run();
            emulated.run();
            assertThat(emulated.timeline.now()).isEqualTo(plain.timeline.now());
            assertThat(emulated.vcpus.getFirst().retired()).isEqualTo(plain.vcpus.getFirst().retired());
        }
    }

    @ParameterizedTest
    @CsvSource({"ud2, 6", "'db 0x0F, 0xFF', 6", "'mov eax, [0x800000]', 14", "'mov ds, [0x2000]', 13", "'db 0x8D, 0xC0', 6"})
    void aFaultIsThatOfTheInstruction(String instruction, int vector) {
        String[] handler = {"pop eax", "mov [0x3004], eax", "pop eax", "mov [0x3008], eax", END};
        try (PvGuest g = new PvGuest(CPU, vm -> vm.setForcedEmulation(true))) {
            g.on(vector, handler).put(0x2000, 0x78);
            g.vcpu(g.paging(), "jmp there", "there: " + FEP + "here: " + instruction);
            g.run();
            boolean coded = vector == GP || vector == PF;
            long rip = g.word(coded ? 0x3008 : 0x3004);
            assertThat(g.get(rip - 5, 4)).as("the prefix stands before it").isEqualTo(0x766B_0B0FL);
            assertThat(coded ? g.word(0x3004) : 0).isEqualTo(vector == GP ? 0x78 : 0);
        }
    }

    @Test
    void withoutTheOptionThePrefixIsUndefined() {
        try (PvGuest g = new PvGuest(CPU).vcpu(FEP + "nop", END); PvGuest other = guest("ud2", "db 'kvn'", END)) {
            assertThat(g.run()).isEqualTo(UD);
            assertThat(other.run()).isEqualTo(UD);
        }
    }

    @Test
    void aStepEndsBehindTheInstruction() {
        try (PvGuest g = guest("pushfd", "or dword [esp], 0x100", "popfd", FEP + "mov eax, 1", "mov ebx, 2", "pushfd",
                "and dword [esp], ~0x100", "popfd", END)) {
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(0x3000)).as("steps").isEqualTo(5);
            assertThat(g.word(0x3010) & 0x4000).as("single step").isEqualTo(0x4000);
            assertThat(g.word(0x3014)).as("behind the first").isEqualTo(g.word(0x301C) - 5);
        }
    }

    @Test
    void aBreakpointOnTheInstructionComesBeforeIt() {
        try (PvGuest g = guest("mov eax, there", "mov dr0, eax", "mov eax, 1", "mov dr7, eax", FEP + "there: mov [0x3004], esp", END)) {
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(0x3000)).as("#DB").isEqualTo(1);
            assertThat(g.word(0x3010) & 0xF).isEqualTo(1);
            assertThat(g.get(g.word(0x3014) - 5, 4)).isEqualTo(0x766B_0B0FL);
            assertThat(g.word(0x3004)).as("it was carried out then").isNotZero();
        }
    }

    @Test
    void aBreakpointOnItsDataComesBehindIt() {
        try (PvGuest g = guest("mov eax, 0x2000", "mov dr0, eax", "mov eax, 0xD0001", "mov dr7, eax", FEP + "mov [0x2000], eax",
                "nop", END)) {
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(0x3000)).as("#DB").isEqualTo(1);
            assertThat(g.word(0x3010) & 0xF).isEqualTo(1);
            assertThat(g.get(g.word(0x3014), 1)).as("nop").isEqualTo(0x90);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "0, 1", "1, 1"})
    void theShadowOfMovSsIsKeptAndEnds(int first, int second) {
        String load = (first != 0 ? FEP : "") + "mov ss, edx\n" + (second != 0 ? FEP : "") + "mov eax, 1\nnop";
        String end = "pushfd\nand dword [esp], ~0x100\npopfd\n" + END;
        try (PvGuest g = guest("mov edx, ss", "pushfd", "or dword [esp], 0x100", "popfd", load, end)) {
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(0x3000)).as("steps: not behind MOV SS").isEqualTo(5);
            assertThat(g.get(g.word(0x3014), 1)).as("the first is before NOP").isEqualTo(0x90);
        }
    }
}
