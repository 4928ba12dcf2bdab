package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.ClockData;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.core.Latency;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What guests find that ask for KVM. */
class ParavirtualTest {
    private static final String KVM = "max-intel,kvm=on";
    private static final int UD = 6, GP = 13, NOTHING = -1;
    private static final String END = "out 0xF4, al";

    private static String wrmsr(int msr, long value) {
        return "mov ecx, " + msr + "\nmov eax, " + (int) value + "\nmov edx, " + (int) (value >>> 32) + "\nwrmsr";
    }

    // ---- enumeration ----

    @ParameterizedTest
    @CsvSource({"'max-intel,kvm=on', KVMKVMKVM, 0x40000001", "'max-intel,+hypervisor', Javisor, 0x40000000"})
    void theSignatureSaysWhoIsThere(String cpu, String signature, String highest) {
        String[] code = {
            "mov eax, 0x40000000", "cpuid", "mov [0x2000], ebx", "mov [0x2004], ecx", "mov [0x2008], edx", "mov [0x200C], eax", END
        };
        try (PvGuest g = new PvGuest(cpu).vcpu(code)) {
            g.run();
            StringBuilder text = new StringBuilder();
            for (int i = 0; g.get(0x2000 + i, 1) != 0; i++) {
                text.append((char) g.get(0x2000 + i, 1));
            }
            assertThat(text).hasToString(signature);
            assertThat(g.word(0x200C)).isEqualTo(Integer.decode(highest));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "'max-intel,+kvmclock', 0x9", "'max-intel,+kvm-pv-eoi,+kvm-steal-time', 0x60", "'max-intel,kvm=on,-kvmclock', 0x01007AF2",
        "'max-intel,kvm=on', 0x01007AFB", "'max-intel,kvm=on,+kvm-asyncpf-vmexit', 0x01007AFB"
    })
    void theModelSaysWhatIsOffered(String cpu, String features) {
        try (PvGuest g = new PvGuest(cpu).vcpu("mov eax, 0x40000001", "cpuid", "mov [0x2000], eax", "mov [0x2004], edx", END)) {
            g.run();
            assertThat(g.word(0x2000)).isEqualTo(Integer.decode(features));
            assertThat(g.word(0x2004)).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "-kvmclock, 0x11", "-kvmclock, 0x12", "-kvmclock, 0x4B564D00", "-kvmclock, 0x4B564D01", "-kvm-asyncpf, 0x4B564D02",
        "-kvm-steal-time, 0x4B564D03", "-kvm-pv-eoi, 0x4B564D04", "-kvm-poll-control, 0x4B564D05", "-kvm-asyncpf-int, 0x4B564D06",
        "-kvm-asyncpf-int, 0x4B564D07"
    })
    void aRegisterIsThereWithItsFeature(String without, String msr) {
        String read = "mov ecx, " + msr + "\nrdmsr";
        for (String access : new String[] {read, wrmsr(Integer.decode(msr), 0)}) {
            try (PvGuest with = new PvGuest(KVM).vcpu(access, END); PvGuest lacks = new PvGuest(KVM + "," + without).vcpu(access, END)) {
                assertThat(with.run()).isEqualTo(NOTHING);
                assertThat(lacks.run()).isEqualTo(GP);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        // steal time: bits 5 to 1
        "0x4B564D03, 0x2001, -1", "0x4B564D03, 0x2003, 13", "0x4B564D03, 0x2021, 13", "0x4B564D03, 0x2041, -1",
        // PV EOI: bit 1
        "0x4B564D04, 0x2005, -1", "0x4B564D04, 0x2003, 13",
        // polling: all but bit 0
        "0x4B564D05, 0, -1", "0x4B564D05, 2, 13",
        // asynchronous page faults: bits 5 and 4, and 2; memory that is not there
        "0x4B564D02, 0x200B, -1", "0x4B564D02, 0x200F, 13", "0x4B564D02, 0x2019, 13", "0x4B564D02, 0x2029, 13",
        "0x4B564D02, 0x80000009, 13", "0x4B564D02, 0x80000001, -1",
        // the vector has eight bits
        "0x4B564D06, 0xF3, -1", "0x4B564D06, 0x100, 13"
    })
    void reservedBitsFault(String msr, String value, int vector) {
        try (PvGuest g = new PvGuest(KVM).vcpu(wrmsr(Integer.decode(msr), Long.decode(value)), "rdmsr", "mov [0x3000], eax", END)) {
            assertThat(g.run()).isEqualTo(vector);
            assertThat(g.word(0x3000)).isEqualTo(vector == NOTHING ? (int) (long) Long.decode(value) : 0);
        }
    }

    // ---- clock ----

    @Test
    void theClockIsGuestTimeInNanoseconds() {
        String[] code = {wrmsr(0x4B564D01, 0x2001), "rdtsc", "mov [0x3000], eax", END};
        try (PvGuest g = new PvGuest(KVM).vcpu(code)) {
            g.timeline.skipTo(1_000_001);
            g.run();
            assertThat(g.word(0x2000)).as("version").isEqualTo(2);
            assertThat(g.get(0x2008, 8) % 2).as("a whole nanosecond").isZero();
            assertThat(g.get(0x2010, 8)).as("time of the timestamp").isEqualTo(g.get(0x2008, 8) / 2).isBetween(500_000L, 500_010L);
            assertThat(g.word(0x2018)).as("half a nanosecond for each tick").isEqualTo(0x8000_0000);
            assertThat(g.get(0x201C, 1)).as("shift").isZero();
            assertThat(g.get(0x201D, 1)).as("stable").isEqualTo(1);
            assertThat(g.vm.getClock().clock).isEqualTo(g.timeline.now() / 2);
        }
    }

    @Test
    void theClockDoesNotFollowTheTimeStampCounterWhenThatIsSet() {
        try (PvGuest g = new PvGuest(KVM).vcpu(wrmsr(0x4B564D01, 0x2001), wrmsr(0x10, 0x7_0000_0000L), "nop", "rdtsc",
                "mov [0x3000], eax", "mov [0x3004], edx", END)) {
            g.run();
            long read = g.get(0x3000, 8);
            assertThat(g.word(0x2000)).as("version").isEqualTo(4);
            long time = g.get(0x2010, 8) + (read - g.get(0x2008, 8)) / 2;
            assertThat(time).isBetween(g.vm.getClock().clock - 4, g.vm.getClock().clock);
        }
    }

    @Test
    void theWallClockIsWhatItWasWhenTheClockShowedZero() {
        try (PvGuest g = new PvGuest(KVM, vm -> vm.setTimeOfDay(1_767_225_600_500_000_000L)).vcpu(wrmsr(0x4B564D00, 0x2004), END)) {
            g.put(0x2004, 7);
            g.timeline.skipTo(20_000_000);
            g.run();
            assertThat(g.word(0x2004)).as("version").isEqualTo(8);
            assertThat(g.word(0x2008)).isEqualTo(1_767_225_600);
            assertThat(g.word(0x200C)).isEqualTo(500_000_000);
        }
    }

    @Test
    void theClockCanBeSetAndTheGuestToldThatItStoodStill() {
        try (PvGuest g = new PvGuest(KVM).vcpu(wrmsr(0x12, 0x2001), END)) {
            g.run();
            ClockData clock = new ClockData();
            clock.clock = 5_000_000_000L;
            g.vm.setClock(clock);
            assertThat(g.get(0x2010, 8)).isEqualTo(5_000_000_000L);
            assertThat(g.vm.getClock().clock).isEqualTo(5_000_000_000L);
            g.vcpus.getFirst().kvmclockCtrl();
            assertThat(g.get(0x201D, 1)).isEqualTo(3);
        }
    }

    // ---- steal time ----

    @Test
    void timeOfOthersIsStolen() {
        String spin = "again: jmp again";
        try (PvGuest g = new PvGuest(KVM).vcpu(wrmsr(0x4B564D03, 0x2001), spin).vcpu(spin)) {
            Vcpu first = g.vcpus.get(0);
            Vcpu second = g.vcpus.get(1);
            first.run(1000);
            assertThat(g.get(0x2010, 1)).as("preempted").isEqualTo(1);
            int version = g.word(0x2008);
            second.run(4000);
            first.run(5000);
            assertThat(g.get(0x2000, 8)).as("nanoseconds").isEqualTo(1500);
            assertThat(g.word(0x2008)).as("version").isEqualTo(version + 2);
            first.run(6000);
            assertThat(g.word(0x2008)).as("nothing was stolen").isEqualTo(version + 2);
        }
    }

    @Test
    void aHaltedVcpuLosesNothing() {
        try (PvGuest g = new PvGuest(KVM).vcpu(wrmsr(0x4B564D03, 0x2001), "hlt").on(2, END).vcpu("again: jmp again")) {
            g.vcpus.get(0).run(1000);
            g.vcpus.get(1).run(4000);
            g.vcpus.get(0).nmi();
            g.run();
            assertThat(g.get(0x2000, 8)).isZero();
        }
    }

    @Test
    void theRunningVcpuIsNotPreempted() {
        try (PvGuest g = new PvGuest(KVM).vcpu(wrmsr(0x4B564D03, 0x2001), "mov ecx, 5000", "again: loop again", "mov al, [0x2010]",
                "mov [0x3000], al", END)) {
            g.put(0x3000, 77);
            g.run();
            assertThat(g.word(0x3000)).isZero();
        }
    }

    /** Page 0x401000 is mapped to itself, then to 0x402000; only a flush makes the guest see that for sure. */
    @Test
    void othersFlushTheTranslationsOfAPreemptedVcpu() {
        String[] code = {
            wrmsr(0x4B564D03, 0x2001), "mov eax, 0x100000", "mov cr3, eax", "mov eax, cr0", "or eax, 0x80000000", "mov cr0, eax",
            "again: mov eax, [0x401000]", "cmp eax, 2", "jne again", END
        };
        try (PvGuest g = new PvGuest(KVM).vcpu(code)) {
            g.put(0x100000, 0x101003L | 0x102003L << 32);
            for (int i = 0; i < 1024; i++) {
                g.vm.memory().write(0x101000 + 4 * i, 4, i << 12 | 3);
                g.vm.memory().write(0x102000 + 4 * i, 4, 0x400000 + (i << 12) | 3);
            }
            g.put(0x401000, 1);
            g.put(0x402000, 2);
            g.vcpus.getFirst().run(1000);
            g.vm.memory().write(0x102004, 4, 0x402003);
            g.vm.memory().write(0x2010, 1, g.get(0x2010, 1) | 2);
            assertThat(g.run()).isEqualTo(NOTHING);
            assertThat(g.get(0x2010, 1)).isZero();
        }
    }

    // ---- end of interrupt ----

    private static final String[] QUIET_HANDLER = {
        "inc dword [0x3000]", "btr dword [0x2000], 0", "jc done", "inc dword [0x3004]", "mov dword [0xFEE000B0], 0", "done: iret"
    };

    private static PvGuest quiet(String... code) {
        String[] all = new String[code.length + 2];
        all[0] = "mov dword [0xFEE000F0], 0x1FF\nsti";
        all[1] = wrmsr(0x4B564D04, 0x2001);
        System.arraycopy(code, 0, all, 2, code.length);
        return new PvGuest(KVM, vm -> vm.setApicVirtualization(false)).on(0x40, QUIET_HANDLER).on(0x41, QUIET_HANDLER).vcpu(all);
    }

    @Test
    void anInterruptEndsByABitInMemory() {
        try (PvGuest g = quiet("mov dword [0xFEE00300], 0x44040", "nop", "mov dword [0xFEE00300], 0x44041", "nop", END)) {
            assertThat(g.run()).isEqualTo(NOTHING);
            assertThat(g.word(0x3000)).as("interrupts").isEqualTo(2);
            assertThat(g.word(0x3004)).as("writes to EOI").isZero();
            assertThat(g.get(0x2000, 1)).isZero();
        }
    }

    @Test
    void anInterruptThatWaitsWantsToBeTold() {
        String both = "cli\nmov dword [0xFEE00300], 0x44040\nmov dword [0xFEE00300], 0x44041\nsti\nnop\nnop";
        try (PvGuest g = quiet(both, END)) {
            assertThat(g.run()).isEqualTo(NOTHING);
            assertThat(g.word(0x3000)).as("interrupts").isEqualTo(2);
            assertThat(g.word(0x3004)).as("writes to EOI: of the first").isEqualTo(1);
        }
    }

    @Test
    void aLevelTriggeredInterruptIsToldToTheController() {
        try (PvGuest g = quiet("mov ecx, 100000", "again: loop again", END)) {
            g.vcpus.getFirst().run(1000);
            g.bus.deliver(0, false, 0, 0x40, true);
            assertThat(g.run()).isEqualTo(NOTHING);
            assertThat(g.word(0x3000)).isEqualTo(1);
            assertThat(g.word(0x3004)).isEqualTo(1);
        }
    }

    /** The interrupt comes at every point of a handler that ends quietly; it is never lost and never waits for good. */
    @Test
    void interruptsOfTheSameClassAreDeliveredOnceEach() {
        for (int at = 0; at < 40; at++) {
            try (PvGuest g = quiet("mov dword [0xFEE00300], 0x44040", "mov ecx, 200", "again: loop again", END)) {
                int delay = at;
                while (g.word(0x3000) == 0) {
                    g.vcpus.getFirst().run(g.timeline.now() + 1);
                }
                g.vcpus.getFirst().run(g.timeline.now() + delay);
                g.bus.deliver(0, false, 0, 0x41, false);
                assertThat(g.run()).isEqualTo(NOTHING);
                assertThat(g.word(0x3000)).as("interrupts, second after " + at).isEqualTo(2);
            }
        }
    }

    // ---- hypercalls ----

    private static String vmcall(long number, long b, long c, long d, long s) {
        return "mov eax, " + (int) number + "\nmov ebx, " + (int) b + "\nmov ecx, " + (int) c + "\nmov edx, " + (int) d + "\nmov esi, "
                + (int) s + "\nvmcall\nmov [0x3000], eax";
    }

    @ParameterizedTest
    @CsvSource({
        "1, 0, 0, 0, 0, 0", "0, 0, 0, 0, 0, -1000", "-1, 0, 0, 0, 0, -1000", "2, 0, 0, 0, 0, -1000", "12, 0x1000, 1, 0, 0, -1000",
        // IPIs: logical destinations and shorthands are refused, others are counted
        "10, 1, 0, 0, 0x40, 1", "10, 3, 0, 0, 0x40, 1", "10, 6, 0, 0, 0x40, 0", "10, 1, 0, 0, 0x840, -22", "10, 1, 0, 0, 0x80040, -22",
        "10, 0, 1, -32, 0x40, 0", "11, 0, 0, 0, 0, 0", "5, 0, 0, 0, 0, 0", "9, 0x2000, 1, 0, 0, -95", "9, 0x80000000, 0, 0, 0, -14"
    })
    void hypercallsAnswer(String number, String b, String c, String d, String s, int result) {
        String call = vmcall(Long.decode(number), Long.decode(b), Long.decode(c), Long.decode(d), Long.decode(s));
        try (PvGuest g = new PvGuest(KVM).vcpu("mov dword [0xFEE000F0], 0x1FF", call, END)) {
            assertThat(g.run()).isEqualTo(NOTHING);
            assertThat(g.word(0x3000)).isEqualTo(result);
        }
    }

    @ParameterizedTest
    @CsvSource({"-kvm-pv-ipi, 10", "-kvm-pv-unhalt, 5", "-kvm-pv-sched-yield, 11"})
    void hypercallsThatAreNotOfferedAreUnknown(String without, int number) {
        try (PvGuest g = new PvGuest(KVM + "," + without).vcpu(vmcall(number, 1, 0, 0, 0x40), END)) {
            g.run();
            assertThat(g.word(0x3000)).isEqualTo(-1000);
        }
    }

    @Test
    void onlyTheKernelMayCall() {
        String user = "mov eax, 0x23\nmov ds, eax\npush 0x23\npush 0x20000\npush 0x3002\npush 0x1B\npush there\niret\nthere: ";
        try (PvGuest g = new PvGuest(KVM).vcpu(user, vmcall(1, 0, 0, 0, 0), END)) {
            assertThat(g.run()).isEqualTo(NOTHING);
            assertThat(g.word(0x3000)).isEqualTo(-1);
        }
    }

    @Test
    void theTimeOfDayBelongsToTheTimeStampCounter() {
        try (PvGuest g = new PvGuest(KVM, vm -> vm.setTimeOfDay(3_000_000_000L)).vcpu(vmcall(9, 0x2000, 0, 0, 0), END)) {
            g.timeline.skipTo(1_000_000_000L);
            g.run();
            assertThat(g.word(0x3000)).isZero();
            assertThat(g.get(0x2000, 8)).isEqualTo(3);
            assertThat(g.get(0x2008, 8)).isEqualTo(g.get(0x2010, 8) / 2).isBetween(500_000_000L, 500_000_100L);
        }
    }

    @Test
    void aKickWakesAHaltedVcpuThatTakesNoInterrupts() {
        String[] kicks = {"mov ecx, 3000", "again: loop again", vmcall(5, 0, 0, 0, 0), "hlt"};
        try (PvGuest g = new PvGuest(KVM).vcpu("cli", "hlt", END).vcpu(kicks)) {
            assertThat(g.run()).isEqualTo(NOTHING);
        }
    }

    @Test
    void aKickIsKeptForTheNextHalt() {
        try (PvGuest g = new PvGuest(KVM).vcpu("cli", vmcall(5, 0, 0, 0, 0), "hlt", END)) {
            assertThat(g.run()).isEqualTo(NOTHING);
        }
    }

    @Test
    void aVcpuThatYieldsEndsItsTurn() {
        try (PvGuest g = new PvGuest(KVM).vcpu(vmcall(11, 1, 0, 0, 0), "again: jmp again").vcpu("hlt")) {
            assertThat(g.vcpus.getFirst().run(10_000)).isInstanceOf(VcpuExit.Intr.class);
            assertThat(g.vcpus.getFirst().hasYielded()).isTrue();
            assertThat(g.timeline.now()).isLessThan(Latency.HYPERCALL + 100);
        }
    }

    @ParameterizedTest
    @CsvSource({"max-intel, vmcall, -1, 0xC1", "max-intel, vmmcall, -1, 0xC1", "max-amd, vmmcall, -1, 0xD9", "max-amd, vmcall, -1, 0xD9"})
    void theOtherVendorsInstructionIsReplaced(String cpu, String instruction, int vector, String last) {
        try (PvGuest g = new PvGuest(cpu).vcpu("mov eax, 1", "jmp there", "times 9 nop", "there: " + instruction, END)) {
            assertThat(g.run()).isEqualTo(vector);
            assertThat(g.vcpus.getFirst().getRegs().rax).isZero();
            assertThat(g.get(PvGuest.CODE + 5 + 2 + 9 + 2, 1)).isEqualTo(Integer.decode(last).longValue());
        }
    }

    @ParameterizedTest
    @CsvSource({"max-intel, vmcall, -1", "max-intel, vmmcall, 6", "max-amd, vmmcall, -1", "max-amd, vmcall, 6"})
    void withoutThatQuirkItIsUndefined(String cpu, String instruction, int vector) {
        try (PvGuest g = new PvGuest(cpu, vm -> vm.setFixesHypercalls(false)).vcpu("mov eax, 1", instruction, END)) {
            assertThat(g.run()).isEqualTo(vector);
        }
    }

    @ParameterizedTest
    @CsvSource({"max-intel, vmcall", "max-intel, vmmcall", "max-amd, vmmcall", "max-amd, vmcall"})
    void aVmWithoutHypercallsHasNeither(String cpu, String instruction) {
        try (PvGuest g = new PvGuest(cpu, vm -> vm.setHypercalls(false)).vcpu(instruction, END)) {
            assertThat(g.run()).isEqualTo(UD);
        }
    }
}
