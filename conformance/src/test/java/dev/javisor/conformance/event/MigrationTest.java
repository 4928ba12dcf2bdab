package dev.javisor.conformance.event;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.Kvm;
import dev.javisor.hypervisor.Vcpu;
import dev.javisor.hypervisor.Vm;
import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuEvents;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.Msr;
import dev.javisor.machine.MachineExit;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * KVM's structures carry all of a guest: one that moves to a new VM again and again, and whenever an event waits or is half delivered, by
 * nothing but them and its memory, sees the same events.
 */
class MigrationTest {
    private static final int PM1_CONTROL = 0x604;
    private static final long LIMIT = 50_000, OFTEN = 11;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment ram = arena.allocate(32 << 20, 2 << 20);
    private Timeline timeline;
    private Kvm kvm;
    private Vm vm;
    private Vcpu vcpu;
    private boolean moved;

    static List<EventCase> cases() {
        return EventCases.all().stream().filter(EventCase::interruptible).toList();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void aGuestThatMovesAllTheTimeSeesTheSame(EventCase test) {
        EventGuest guest = new EventGuest(test);
        open(0);
        vm.memory().write(0x100000, guest.image().code(), 0, guest.image().code().length);
        guest.prepare(vm.memory());
        start((int) guest.image().label("start"));
        try {
            MachineExit end = run();
            assertThat(EventLog.of(guest, vm.memory(), end)).isEqualTo(test.sees());
        } finally {
            kvm.close();
            arena.close();
        }
    }

    private void open(long time) {
        timeline = new Timeline();
        timeline.setTime(time);
        kvm = Kvm.open(CpuModels.parse("max-intel"), timeline, Engine.INTERPRETER);
        vm = kvm.createVm();
        vm.createLocalApics(() -> 0xFF);
        vm.enableCap(Capability.EXCEPTION_PAYLOAD, 1);
        vm.enableCap(Capability.X86_TRIPLE_FAULT_EVENT, 1);
        vm.setUserMemoryRegion(0, 0, 0, ram);
        vcpu = vm.createVcpu(0);
    }

    /** 32-bit protected mode, flat, without paging. */
    private void start(int entry) {
        Sregs s = vcpu.getSregs();
        s.cr0 |= 1;
        for (Segment x : new Segment[] {s.cs, s.ds, s.es, s.fs, s.gs, s.ss}) {
            x.base = 0;
            x.limit = -1;
            x.g = 1;
            x.db = 1;
            x.type = x == s.cs ? 11 : 3;
            x.selector = x == s.cs ? 8 : 16;
        }
        vcpu.setSregs(s);
        Regs r = vcpu.getRegs();
        r.rip = entry;
        r.rflags = 2;
        vcpu.setRegs(r);
    }

    private MachineExit run() {
        while (timeline.now() < LIMIT) {
            VcpuExit x = vcpu.run(timeline.now() + 1);
            switch (x) {
                case VcpuExit.Intr i -> {
                    if (!vcpu.isRunnable()) {
                        timeline.skipTo(timeline.next());
                        timeline.runDue();
                    }
                    boolean moves = timeline.now() % OFTEN == 0 || isEventUnderWay();
                    // What is not told is raised again by an instruction, which must be able to.
                    moved = moves && !moved;
                    if (moved) {
                        move();
                    }
                }
                case VcpuExit.Io io when io.port() == PM1_CONTROL -> {
                    return new MachineExit.PowerOff();
                }
                case VcpuExit.Io io -> io.setValue(0);
                case VcpuExit.Shutdown s -> {
                    return new MachineExit.Shutdown(0, 0);
                }
                default -> throw new AssertionError(x);
            }
        }
        return new MachineExit.TimeLimit();
    }

    private boolean isEventUnderWay() {
        VcpuEvents v = vcpu.getVcpuEvents();
        return v.exceptionInjected || v.exceptionPending || v.interruptInjected || v.nmiInjected || v.nmiPending != 0 || v.smiPending
                || v.smiSmm || v.interruptShadow != 0;
    }

    private void move() {
        Kvm old = kvm;
        Vcpu from = vcpu;
        // What is taken back to userspace comes to the end of its instruction first.
        Sregs sregs = from.getSregs();
        long time = timeline.now();
        open(time);
        vcpu.setSregs(sregs);
        vcpu.setXcrs(from.getXcrs());
        vcpu.setXsave(from.getXsave());
        for (Msr m : Msr.values()) {
            try {
                vcpu.setMsr(m.index, from.getMsr(m.index));
            } catch (KvmException e) {
                // not a register of this model, or one that cannot be written
            }
        }
        vcpu.setLapic(from.getLapic());
        vcpu.setRegs(from.getRegs());
        vcpu.setDebugRegs(from.getDebugRegs());
        vcpu.setMpState(from.getMpState());
        vcpu.setVcpuEvents(from.getVcpuEvents());
        old.close();
    }
}
