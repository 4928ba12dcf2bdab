package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.core.Timeline;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Memory that is not there when the guest wants it, and guests that would rather do something else. */
class PageSourceTest {
    private static final long PAGE = 0x600000, DELAY = 5000;
    private static final int VECTOR = 0x50, PF = 14;

    // Asynchronous page faults: enable, always, as interrupt
    private static final int ENABLED = 9, ALWAYS = 11;
    private static final int SHARED = 0x2000, COUNT = 0x3000, TOKENS = 0x3010, REASON = 0x3040, TOLD = 0x3044, VALUE = 0x3048;

    private static final String[] READY = {
        "pushad", "mov eax, [0x2004]", "mov ecx, [0x3000]", "mov [0x3010+ecx*4], eax", "inc dword [0x3000]", "mov dword [0x2004], 0",
        "mov ecx, 0x4B564D07", "mov eax, 1", "xor edx, edx", "wrmsr", "mov dword [0xFEE000B0], 0", "popad", "iret"
    };

    /** Takes note of the token, and waits until it has come back. */
    private static final String[] FAULT = {
        "push eax", "mov eax, [0x2000]", "mov [0x3040], eax", "mov dword [0x2000], 0", "mov eax, cr2", "mov [0x3044], eax",
        "again: sti", "hlt", "cmp [0x3014], eax", "jne again", "pop eax", "add esp, 4", "iret"
    };

    private final boolean[] there = new boolean[1];
    private int requests;
    private long arrival;

    /** A guest whose page comes {@link #DELAY} ticks after it was wanted. */
    private PvGuest guest(int register, String... code) {
        PvGuest g = new PvGuest("max-intel,kvm=on", vm -> vm.setForcedEmulation(true));
        Timeline.Deadline deadline = new Timeline.Deadline(() -> {
            there[0] = true;
            arrival = g.timeline.now();
            g.put(PAGE, 77);
            g.vm.pageArrived(PAGE + 8);
        });
        g.vm.setPageSource(page -> {
            if (page != PAGE || there[0]) {
                return true;
            }
            if (requests++ == 0) {
                g.timeline.schedule(deadline, g.timeline.now() + DELAY);
            }
            return false;
        });
        String enable = "mov dword [0xFEE000F0], 0x1FF\nmov ecx, 0x4B564D06\nmov eax, 0x50\nxor edx, edx\nwrmsr\nmov ecx, 0x4B564D02\n"
                + "mov eax, " + (SHARED | register) + "\nwrmsr";
        String end = "mov [" + VALUE + "], eax\nout 0xF4, al";
        return g.on(VECTOR, READY).on(PF, FAULT).vcpu(g.paging(), enable, String.join("\n", code), end);
    }

    @Test
    void aGuestThatKnowsIsToldWithATokenAndAgainWhenThePageIsThere() {
        try (PvGuest g = guest(ALWAYS, "sti", "nop", "mov eax, [0x600000]")) {
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(VALUE)).isEqualTo(77);
            assertThat(g.word(REASON)).as("page not present").isEqualTo(1);
            assertThat(g.word(COUNT)).as("interrupts").isEqualTo(2);
            assertThat(g.word(TOKENS)).as("everybody's, when it was enabled").isEqualTo(-1);
            assertThat(g.word(TOLD)).as("token").isEqualTo(g.word(TOKENS + 4)).isNotZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"0, sti", "9, sti", "11, cli"})
    void othersWait(int register, String flag) {
        try (PvGuest g = guest(register, flag, "nop", "mov eax, [0x600000]")) {
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(VALUE)).isEqualTo(77);
            assertThat(g.word(REASON)).isZero();
            assertThat(g.timeline.now()).isGreaterThanOrEqualTo(DELAY);
        }
    }

    @Test
    void aUserProgramIsInterruptedWithoutFurtherRequest() {
        String user = "sti\nmov eax, 0x23\nmov ds, eax\npush 0x23\npush 0x20000\npush 0x3202\npush 0x1B\npush there\niret\nthere: ";
        try (PvGuest g = guest(ENABLED, user, "mov eax, [0x600000]")) {
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(VALUE)).isEqualTo(77);
            assertThat(g.word(REASON)).isEqualTo(1);
        }
    }

    @Test
    void anInterruptIsTakenWhileAnInstructionWaits() {
        String[] stamp = {"push eax", "rdtsc", "mov [0x3050], eax", "mov dword [0xFEE000B0], 0", "pop eax", "iret"};
        try (PvGuest g = guest(0, "sti", "nop", "mov eax, [0x600000]").on(0x60, stamp)) {
            g.vcpus.getFirst().run(1000);
            assertThat(g.vcpus.getFirst().isRunnable()).isFalse();
            g.bus.deliver(0, false, 0, 0x60, false);
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(VALUE)).isEqualTo(77);
            assertThat((long) g.word(0x3050)).isLessThan(arrival).isNotZero();
        }
    }

    @Test
    void theDeliveryOfAnEventWaits() {
        String[] code = {"sti", "nop", "mov ebx, esp", "mov esp, 0x600800", "int 0x61", "mov esp, ebx"};
        try (PvGuest g = guest(ALWAYS, code).on(0x61, "mov eax, 5", "iret")) {
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(VALUE)).isEqualTo(5);
            assertThat(g.word(REASON)).isZero();
        }
    }

    @Test
    void aStringInstructionWaitsInItsMiddle() {
        String[] code = {"sti", "nop", "cld", "mov eax, 9", "mov edi, 0x5FFFE0", "mov ecx, 16", "rep stosd", "mov eax, edi"};
        try (PvGuest g = guest(ALWAYS, code)) {
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(VALUE)).isEqualTo(0x600020);
            assertThat(g.word(0x5FFFE0)).isEqualTo(9);
            assertThat(g.word(0x60001C)).isEqualTo(9);
            assertThat(g.timeline.now()).isGreaterThanOrEqualTo(DELAY);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "db 0x0F, 0x0B, 0x6B, 0x76, 0x6D\nmov eax, [0x600000]", "mov esi, 0x600000\nmov edi, 0xFEC00100\nmovsd\nmov eax, [0x600000]",
        "push dword [0xFEC00100]\npop ebx\nmov eax, [0x600000]", "mov edx, 0x10\nmov edi, 0x600004\ninsd\nmov eax, [0x600000]",
        "mov esi, 0xFEC00100\nmov edi, 0x600010\nmovsd\nmov eax, [0x600000]"
    })
    void softwareThatActsForTheGuestWaitsToo(String instructions) {
        try (PvGuest g = guest(0, "cld", instructions)) {
            assertThat(runWithDevices(g)).isEqualTo(-1);
            assertThat(g.word(VALUE)).isEqualTo(77);
            assertThat(g.timeline.now()).isGreaterThanOrEqualTo(DELAY);
            assertThat(requests).isPositive();
        }
    }

    /** Devices give 5, once. */
    private int runWithDevices(PvGuest g) {
        Vcpu v = g.vcpus.getFirst();
        int asked = 0;
        while (true) {
            switch (v.run()) {
                case VcpuExit.Io io when io.port() == 0xF4 -> {
                    assertThat(asked).isLessThan(2);
                    return -1;
                }
                case VcpuExit.Io io -> {
                    asked++;
                    io.setValue(5);
                }
                case VcpuExit.Mmio m when !m.isWrite() -> {
                    asked++;
                    m.setValue(5);
                }
                case VcpuExit.Mmio m -> assertThat(m.value()).isEqualTo(77);
                default -> assertThat(g.kvm.waitForTimer()).isTrue();
            }
        }
    }

    @Test
    void theClockIsWrittenWhenItsPageIsThere() {
        String[] code = {"mov ecx, 0x4B564D01", "mov eax, 0x600009", "xor edx, edx", "wrmsr", "cpuid", "mov eax, [0x600010]",
            "mov [0x3048], eax", "out 0xF4, al"};
        try (PvGuest g = guest(0, code)) {
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(PAGE + 8)).as("version").isNotZero();
            assertThat(g.word(PAGE)).as("what the source has brought").isEqualTo(77);
        }
    }

    @Test
    void turnedOffNothingIsTold() {
        String off = "mov ecx, 0x4B564D02\nmov eax, 0\nwrmsr";
        try (PvGuest g = guest(ALWAYS, "sti", "nop", off, "mov eax, [0x600000]")) {
            assertThat(g.run()).isEqualTo(-1);
            assertThat(g.word(COUNT)).as("interrupts").isEqualTo(1);
            assertThat(g.word(REASON)).isZero();
        }
    }
}
