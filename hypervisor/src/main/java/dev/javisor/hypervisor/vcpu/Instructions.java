package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.memory.MissingPage;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.event.Boundary;
import dev.javisor.processor.system.PortIo;
import dev.javisor.processor.trace.TraceText;
import java.util.List;

/** Instructions of the guest that software carries out in place of the hardware, because they exit or because they meet devices. */
public final class Instructions {
    private static final int RAX = 0;
    private static final long BREAKPOINTS_ENABLED = 0xFF, DEBUGCTL_BTF = 2;

    private final VcpuCore core;
    private final Cpu cpu;
    private final UserAccess user;
    private final DeviceBus bus;
    private final Emulator emulator;
    private final MsrInstructions msrInstructions;

    Instructions(VcpuCore core, UserAccess user, DeviceBus bus, Emulator emulator, MsrPolicy msrs) {
        this.core = core;
        this.cpu = core.cpu();
        this.user = user;
        this.bus = bus;
        this.emulator = emulator;
        this.msrInstructions = new MsrInstructions(core, msrs);
    }

    /** An instruction of known length has been carried out by other means. */
    public void skip(int length) {
        Cpu c = core.state.change(GuestState.REGISTERS | GuestState.EVENTS);
        long rip = c.rip + length;
        c.rip = core.state.load(GuestState.SYSTEM).codeSize64 ? rip : rip & 0xFFFF_FFFFL;
        c.blockingBySti = false;
        c.blockingByMovSs = false;
        long flags = Flags.rflags(c);
        if ((flags & Flags.TF) != 0 && (c.debugctl & DEBUGCTL_BTF) == 0) {
            c.pendingDebug |= Boundary.SINGLE_STEP;
        }
        Flags.setRflags(c, flags & ~Flags.RF);
        retire();
        stepped();
        core.injection().takeDebugTrap();
    }

    /** The processor that does not run by itself shows the time. */
    public void synchronize() {
        Emulator.synchronize(cpu);
    }

    /** The event whose delivery exited is delivered by software, to its end, with everything that may go wrong on the way. */
    public VcpuExit deliverInSoftware() {
        Event e = core.events.takeInterrupted();
        core.state.change(GuestState.ALL);
        if (core.isTraced()) {
            core.tell(new Occurrence.Emulated("delivery of " + TraceText.of(e)));
        }
        try {
            if (emulator.deliver(e) && e.isSoftware()) {
                core.countEmulated();
            }
        } catch (MissingPage m) {
            core.events.putBack(e);
            throw m;
        } catch (UserAccess.Needed n) {
            core.events.putBack(e);
            return new VcpuExit.InternalError(VcpuExit.InternalError.EMULATION, List.of());
        }
        return afterDelivery();
    }

    private VcpuExit afterDelivery() {
        core.injection().takeDebugTrap();
        if (cpu.activity == Cpu.SHUTDOWN) {
            cpu.activity = Cpu.ACTIVE;
            core.events.tripleFault = true;
        }
        return user.nextStore();
    }

    /** An instruction has been carried out by other means than the hardware's. */
    private void retire() {
        core.countEmulated();
        core.owe();
    }

    /** An instruction has been carried out in software while its debugger steps the guest. */
    private void stepped() {
        if (core.debugger().uses(GuestDebug.SINGLESTEP)) {
            core.unsettled().step(core.debugger().exit(Event.DB, Boundary.SINGLE_STEP));
        }
    }

    /**
     * The instruction at RIP has exited because of an access that the guest's paging allows.
     *
     * @param linear address of a data access
     * @param gpa what it is translated to
     * @param write whether it is a store
     */
    public void translated(long linear, long gpa, boolean write) {
        emulator.translated(linear, gpa, write);
    }

    /** Carries out the instruction at RIP in software. Returns what userspace must do. */
    public VcpuExit emulate() {
        if (core.isTraced()) {
            core.tell(new Occurrence.Emulated("instruction"));
        }
        int taskPriority = cpu.apic.cr8();
        Emulator.Outcome outcome = emulator.step();
        core.state.change(emulator.changed());
        return switch (outcome) {
            case COMPLETED -> {
                if (!core.hasLocalApic() && cpu.apic.cr8() < taskPriority) {
                    core.unsettled().want(new VcpuExit.SetTpr());
                }
                retire();
                stepped();
                yield afterDelivery();
            }
            case PARTLY -> user.nextStore();
            case FAULTED -> {
                core.events.queue(emulator.fault());
                yield null;
            }
            case WAITS -> user.question();
        };
    }

    /** IN or OUT, of AL, AX or EAX. */
    public VcpuExit portIo(int port, int size, boolean in, int length) {
        Cpu c = core.state.load(GuestState.REGISTERS);
        c.latency += Latency.DEVICE;
        if (!in) {
            int value = (int) (c.gpr[RAX] & (1L << 8 * size) - 1);
            watch(port, size);
            skip(length);
            if (bus.outInKernel(port, size, value)) {
                return null;
            }
            VcpuExit.Io io = new VcpuExit.Io(VcpuExit.IO_OUT, size, port, 1, new byte[size]);
            io.setValue(value);
            return io;
        }
        if (bus.isKernelPort(port, size)) {
            Emulator.synchronize(cpu);
            finishIn(port, size, bus.in(port, size), length);
            return null;
        }
        VcpuExit.Io io = new VcpuExit.Io(VcpuExit.IO_IN, size, port, 1, new byte[size]);
        core.unsettled().ask(io, Unsettled.Completion.IN, length);
        return io;
    }

    /** Userspace has answered what it was asked. */
    void complete() {
        Unsettled u = core.unsettled();
        VcpuExit answered = u.asked();
        switch (u.takeCompletion()) {
            case IN -> {
                VcpuExit.Io io = (VcpuExit.Io) answered;
                finishIn(io.port(), io.size(), io.value(), u.length());
            }
            case RDMSR -> msrInstructions.complete((VcpuExit.Rdmsr) answered, u.length());
            case WRMSR -> msrInstructions.complete((VcpuExit.Wrmsr) answered, u.length());
            case HYPERCALL -> core.undefined().complete((VcpuExit.Hypercall) answered, u.length());
            case NONE -> { }
        }
    }

    /** I/O breakpoints, which an instruction that exits has not met. */
    private void watch(int port, int size) {
        if ((cpu.dr7 & BREAKPOINTS_ENABLED) != 0) {
            PortIo.checkBreakpoints(core.state.change(GuestState.SYSTEM | GuestState.EVENTS), port, size);
        }
    }

    private void finishIn(int port, int size, int value, int length) {
        Cpu c = core.state.change(GuestState.REGISTERS);
        c.gpr[RAX] = switch (size) {
            case 1 -> c.gpr[RAX] & ~0xFFL | value & 0xFF;
            case 2 -> c.gpr[RAX] & ~0xFFFFL | value & 0xFFFF;
            default -> value & 0xFFFF_FFFFL;
        };
        watch(port, size);
        skip(length);
    }

    /** HLT. */
    public VcpuExit halt(int length) {
        skip(length);
        if (!core.hasLocalApic()) {
            return new VcpuExit.Hlt();
        }
        cpu.activity = Cpu.HLT;
        return null;
    }

    /** RDMSR of a register that the hypervisor emulates. */
    public VcpuExit readMsr(int length) {
        return msrInstructions.read(length);
    }

    /** WRMSR to a register that the hypervisor emulates. */
    public VcpuExit writeMsr(int length) {
        return msrInstructions.write(length);
    }
}
