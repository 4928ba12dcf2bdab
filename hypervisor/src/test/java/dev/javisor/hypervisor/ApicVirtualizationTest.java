package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.IrqRoutingEntry;
import dev.javisor.hypervisor.abi.Msi;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.core.Timeline;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whether the processor has the local APIC's registers while the guest runs makes no difference to the guest, in no tick. */
class ApicVirtualizationTest {
    private static final String ENABLE = "mov dword [0xFEE000F0], 0x1FF\n", EOI = "mov dword [0xFEE000B0], 0\n";
    private static final String ENABLE_X2 = "mov ecx, 0x1B\nrdmsr\nor eax, 0xC00\nwrmsr\nxor edx, edx\nmov ecx, 0x80F\n"
            + "mov eax, 0x1FF\nwrmsr\n";
    private static final String EOI_X2 = "push eax\npush ecx\npush edx\nxor eax, eax\nxor edx, edx\nmov ecx, 0x80B\nwrmsr\npop edx\n"
            + "pop ecx\n"
            + "pop eax\n";
    private static final int XAPIC = 0x20000, X2APIC = 0x20200, NONE = 0x20400;
    /** Takes note of the time and of the vector, which lies on the stack; ends a trap flag. */
    private static final String LOG = "push eax\npush edx\npush ebx\nmov ebx, [0x3000]\nrdtsc\nmov [0x3008+ebx*8], eax\nmov eax, [esp+12]\n"
            + "mov [0x300C+ebx*8], eax\ninc dword [0x3000]\npop ebx\npop edx\npop eax\n";
    private static final String BACK = "add esp, 4\niret";
    private static final long MOST_TIME = 100_000;
    private static final String END = "out 0xF4, al";

    private static String handler(int vector, int end) {
        return "push " + vector + "\npush " + end + "\nret";
    }

    private static String x2(int register, String value) {
        return "mov ecx, " + (0x800 + register) + "\nmov eax, " + value + "\nxor edx, edx\nwrmsr\n";
    }

    private static String x2read(int register, int at) {
        return "mov ecx, " + (0x800 + register) + "\nrdmsr\nmov [" + at + "], eax\nmov [" + (at + 4) + "], edx\n";
    }

    /** What a vcpu does; more than one line: one for each vcpu. */
    static Stream<List<String>> programs() {
        String wait = "mov ecx, 300\nspin: dec ecx\njnz spin\n";
        return Stream.of(
                // timers
                List.of(ENABLE + "mov dword [0xFEE003E0], 0xB\nmov dword [0xFEE00320], 0x20040\nmov dword [0xFEE00380], 20\nsti\n"
                        + "again: cmp dword [0x3000], 5\njb again\nmov eax, [0xFEE00390]\nmov [0x3800], eax\n" + END),
                List.of(ENABLE + "mov dword [0xFEE003E0], 0xB\nmov dword [0xFEE00320], 0x40\nmov dword [0xFEE00380], 9\nsti\nhlt\n" + END),
                List.of(ENABLE + "mov dword [0xFEE00320], 0x40040\nrdtsc\nadd eax, 333\nmov ecx, 0x6E0\nwrmsr\nsti\n" + wait + END),
                // interrupts to itself, with priorities
                List.of(ENABLE + "mov dword [0xFEE00080], 0x50\nmov dword [0xFEE00300], 0x44040\nmov dword [0xFEE00300], 0x44061\n"
                        + "sti\nnop\n"
                        + "mov eax, [0xFEE000A0]\nmov [0x3800], eax\nmov eax, [0xFEE00220]\nmov [0x3804], eax\n"
                        + "mov dword [0xFEE00080], 0\nnop\nmov eax, [0xFEE00080]\n" + END),
                List.of(ENABLE + "sti\nmov dword [0xFEE00300], 0x44070\nnop\n" + END),
                List.of(ENABLE + "mov dword [0xFEE00300], 0x44005\nmov dword [0xFEE00280], 0\nmov eax, [0xFEE00280]\n"
                        + "mov [0x3800], eax\n" + END),
                // an NMI while the trap flag is set
                List.of(ENABLE + "sti\npushfd\nor dword [esp], 0x100\npopfd\nmov dword [0xFEE00300], 0x44400\nnop\n" + END),
                // registers
                List.of(ENABLE + "mov dword [0xFEE000D0], 0x08000000\nmov dword [0xFEE000E0], 0x0FFFFFFF\nmov eax, [0xFEE000E0]\n"
                        + "mov [0x3800], eax\nmov eax, [0xFEE00030]\nmov [0x3804], eax\nmov eax, [0xFEE000D0]\nmov [0x3808], eax\n"
                        + "mov dword [0xFEE00310], 0x03000000\nmov eax, [0xFEE00310]\nmov [0x380C], eax\nmovzx eax, byte [0xFEE00023]\n"
                        + "mov [0x3810], eax\nmov eax, [0xFEE00000]\nmov [0x3814], eax\n" + END),
                // CR8 is not there in this mode; the task priority by string instruction
                List.of(ENABLE + "mov esi, 0xFEE00080\nmov edi, 0x3800\nmov dword [esi], 0x35\ncld\nmovsd\n" + END),
                // x2APIC
                List.of(ENABLE_X2 + "sti\n" + x2(0x3F, "0x90") + "nop\n" + x2(8, "0x60") + x2(0x3F, "0x51") + "nop\n"
                        + x2read(8, 0x3800) + x2read(0xA, 0x3808) + x2read(0x22, 0x3810) + x2read(2, 0x3818) + x2read(0xD, 0x3820)
                        + x2read(0x30, 0x3828) + x2(8, "0") + "nop\n" + END),
                List.of(ENABLE_X2 + "sti\n" + x2(0x30, "0x44092") + x2(0x3E, "0xB") + x2(0x32, "0x20091") + x2(0x38, "33")
                        + "again: cmp dword [0x3000], 4\njb again\n" + x2read(0x39, 0x3800) + END),
                List.of(ENABLE_X2 + x2(0x39, "1") + END),
                List.of(ENABLE_X2 + x2(8, "0x100") + END),
                List.of(ENABLE_X2 + x2(0x3F, "5") + x2(0x28, "0") + x2read(0x28, 0x3800) + END),
                // two processors
                List.of(
                        ENABLE + "sti\nmov dword [0xFEE00310], 0x01000000\nmov dword [0xFEE00300], 0x4041\n" + wait
                                + "again: cmp dword [0x3000], 2\njb again\n" + END,
                        ENABLE + "sti\nmov dword [0xFEE00300], 0x80042\nself: jmp self"),
                List.of(
                        ENABLE + "mov dword [0xFEE000D0], 0x01000000\nmov dword [0xFEE00080], 0x20\nsti\n"
                                + "" + wait + wait.replace("spin", "turn")
                                + "mov dword [0xFEE00310], 0x03000000\nmov dword [0xFEE00300], 0x4943\n"
                                + "" + "later: cmp dword [0x3000], 1\njb later\n" + END,
                        ENABLE + "mov dword [0xFEE000D0], 0x02000000\nsti\nmov dword [0xFEE00080], 0x10\nself: jmp self"),
                // from elsewhere, while the guest runs
                List.of(ENABLE + "sti\nin al, 0x20\nagain: cmp dword [0x3000], 3\njb again\n" + END));
    }

    private PvGuest guest(boolean virtualized, List<String> programs) {
        PvGuest g = new PvGuest("max-intel", vm -> vm.setApicVirtualization(virtualized));
        g.load(XAPIC, LOG, EOI, BACK);
        g.load(X2APIC, LOG, EOI_X2, BACK);
        g.load(NONE, LOG, "and dword [esp+12], 0xFFFFFEFF", BACK);
        for (int v = 0x40; v < 0x98; v++) {
            g.on(v, handler(v, v < 0x90 ? XAPIC : X2APIC));
        }
        g.on(2, handler(2, NONE)).on(1, handler(1, NONE));
        programs.forEach(g::vcpu);
        return g;
    }

    private static List<String> outcome(PvGuest g) {
        List<String> all = new ArrayList<>();
        for (Vcpu v : g.vcpus) {
            ByteBuffer registers = ByteBuffer.wrap(v.getRegs().toBytes()).order(ByteOrder.LITTLE_ENDIAN);
            for (int r = 0; r < registers.capacity() / 8; r++) {
                all.add("vcpu " + v.id() + " register " + r + ": " + Long.toHexString(registers.getLong(8 * r)));
            }
            ByteBuffer page = ByteBuffer.wrap(v.getLapic()).order(ByteOrder.LITTLE_ENDIAN);
            for (int r = 0; r < page.capacity(); r += 16) {
                all.add("vcpu " + v.id() + " APIC " + Integer.toHexString(r) + ": " + Integer.toHexString(page.getInt(r)));
            }
        }
        for (long at = 0x3000; at < 0x4000; at += 8) {
            all.add(Long.toHexString(at) + ": " + Long.toHexString(g.get(at, 8)));
        }
        all.add("time " + g.timeline.now());
        return all;
    }

    private static int run(PvGuest g) {
        Timeline.Deadline[] arrivals = new Timeline.Deadline[3];
        for (int i = 0; i < arrivals.length; i++) {
            int vector = 0x45 + 0x10 * i;
            arrivals[i] = new Timeline.Deadline(() -> g.bus.deliver(0, false, 0, vector, false));
        }
        while (g.timeline.now() < MOST_TIME) {
            for (Vcpu v : g.vcpus) {
                VcpuExit x = v.isRunnable() ? v.run(g.timeline.now() + 77) : null;
                if (x instanceof VcpuExit.Io io && io.port() == 0xF4) {
                    return v.id();
                }
                for (int i = 0; i < arrivals.length && x instanceof VcpuExit.Io; i++) {
                    g.timeline.schedule(arrivals[i], g.timeline.now() + 2 * Latency.DEVICE + 7L * i);
                }
            }
            if (g.vcpus.stream().noneMatch(Vcpu::isRunnable)) {
                assertThat(g.kvm.waitForTimer()).as("all wait for ever").isTrue();
            }
            g.timeline.runDue();
        }
        throw new AssertionError("the guest does not end");
    }

    @ParameterizedTest
    @MethodSource("programs")
    void theGuestSeesNoDifference(List<String> programs) {
        try (PvGuest with = guest(true, programs); PvGuest without = guest(false, programs)) {
            assertThat(run(with)).isEqualTo(run(without));
            List<String> difference = outcome(with);
            difference.removeAll(outcome(without));
            assertThat(difference).as("differs from %s", without.vcpus.getFirst().exits()).isEmpty();
        }
    }

    @Test
    void interruptsNeedNoExits() {
        String code = ENABLE + "sti\nin al, 0x20\nagain: cmp dword [0x3000], 3\njb again\nmov dword [0xFEE00300], 0x44051\nnop\n" + END;
        try (PvGuest with = guest(true, List.of(code)); PvGuest without = guest(false, List.of(code))) {
            run(with);
            run(without);
            assertThat(with.vcpus.getFirst().exits()).doesNotContainKey("external interrupt");
            assertThat(without.vcpus.getFirst().exits()).containsKey("external interrupt");
            int fewer = with.vcpus.getFirst().exits().values().stream().mapToInt(Long::intValue).sum();
            int more = without.vcpus.getFirst().exits().values().stream().mapToInt(Long::intValue).sum();
            assertThat(fewer).isLessThan(more);
        }
    }

    @Test
    void theEndOfALevelTriggeredInterruptIsTold() {
        String code = ENABLE + "sti\nagain: hlt\njmp again";
        try (PvGuest g = guest(true, List.of(code))) {
            Vcpu v = g.vcpus.getFirst();
            assertThat(v.run()).isEqualTo(new VcpuExit.Intr());
            g.vm.setGsiRouting(List.of(IrqRoutingEntry.msi(3, 0xFEE0_0000L, 0xC055)));
            g.vm.signalMsi(new Msi(0xFEE0_0000L, 0xC055));
            assertThat(v.run()).isEqualTo(new VcpuExit.IoApicEoi(0x55));
            assertThat(v.exits()).containsKey("virtualized EOI");
            assertThat(v.run()).isEqualTo(new VcpuExit.Intr());
        }
    }

    @Test
    void aPostedInterruptSaysHowItIsTriggered() {
        String look = "push eax\nmov eax, [0xFEE001A0]\nmov [0x3800], eax\npop eax\n";
        try (PvGuest g = guest(true, List.of(ENABLE + "sti\nagain: jmp again"))) {
            g.on(0x55, look + handler(0x55, XAPIC));
            Vcpu v = g.vcpus.getFirst();
            assertThat(v.run(1000)).isEqualTo(new VcpuExit.Intr());
            assertThat(g.vm.signalMsi(new Msi(0xFEE0_0000L, 0xC055))).isTrue();
            v.run(2000);
            assertThat(g.get(0x3800, 4)).as("level").isEqualTo(1 << 0x55 - 0x40);
            assertThat(v.run(3000)).isEqualTo(new VcpuExit.Intr());
            long exits = v.exits().get("external interrupt");
            assertThat(g.vm.signalMsi(new Msi(0xFEE0_0000L, 0x4055))).isTrue();
            v.run(4000);
            assertThat(g.get(0x3000, 4)).as("interrupts").isEqualTo(2);
            assertThat(v.exits()).as("posted").containsEntry("external interrupt", exits);
            assertThat(g.get(0x3800, 4)).as("edge").isZero();
        }
    }

    @Test
    void aGuestThatMovesItsRegistersHasThemThere() {
        String code = ENABLE + "mov ecx, 0x1B\nmov eax, 0x600900\nxor edx, edx\nwrmsr\nmov eax, [0x600030]\nmov [0x3800], eax\n"
                + "mov eax, [0xFEE00030]\nmov [0x3804], eax\n" + END;
        try (PvGuest g = guest(true, List.of(code))) {
            VcpuExit.Mmio nobodys = (VcpuExit.Mmio) g.vcpus.getFirst().run();
            assertThat(nobodys.physicalAddress()).isEqualTo(0xFEE0_0030L);
        }
    }
}
