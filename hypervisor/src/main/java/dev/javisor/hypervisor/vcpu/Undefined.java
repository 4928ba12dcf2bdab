package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.event.Boundary;
import java.util.List;

/** Instructions that mean something to the hypervisor only: hypercalls, RSM, and the prefix that has the next one emulated. */
public final class Undefined {
    /** UD2, and what tells it from others. */
    private static final byte[] PREFIX = {0x0F, 0x0B, 'k', 'v', 'm'};

    private static final byte[] VMCALL = {0x0F, 0x01, (byte) 0xC1}, VMMCALL = {0x0F, 0x01, (byte) 0xD9};
    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3;
    private static final long MAP_GPA_RANGE = 1L << VcpuExit.Hypercall.MAP_GPA_RANGE, PAGE = 4096;
    private static final byte[] RDMSR = {0x0F, 0x32}, WRMSR = {0x0F, 0x30};
    private static final byte[] RSM = {0x0F, (byte) 0xAA};

    private final VcpuCore core;
    private final Cpu cpu;
    private final Emulator emulator;
    /** Hypercalls that userspace answers, one bit each. */
    private long hypercallExits;

    private boolean forcedEmulation;
    private boolean fixesHypercalls = true;

    Undefined(VcpuCore core, Cpu cpu, Emulator emulator) {
        this.core = core;
        this.cpu = cpu;
        this.emulator = emulator;
    }

    /** An instruction behind the bytes of UD2 and "kvm" is carried out by the emulator (KVM's force_emulation_prefix). */
    public void setForcedEmulation(boolean on) {
        forcedEmulation = on;
    }

    /** The other vendor's hypercall instruction is replaced by that of the guest's processor (KVM_X86_QUIRK_FIX_HYPERCALL_INSN). */
    public void setFixesHypercalls(boolean on) {
        fixesHypercalls = on;
    }

    /** #UD of the guest may be the hypervisor's business: VMX knows VMCALL only, and not that the guest is in SMM. */
    public boolean exits() {
        return forcedEmulation || cpu.inSmm || cpu.hypercalls != null && (fixesHypercalls || !cpu.model.isIntel());
    }

    /** VMCALL. */
    public VcpuExit vmcall(int length) {
        if (cpu.hypercalls == null) {
            core.events.queue(Event.exception(Event.UD));
        } else if (cpu.model.isIntel()) {
            Cpu c = core.state.change(GuestState.REGISTERS | GuestState.SYSTEM);
            VcpuExit exit = askUserspace(length);
            if (exit != null) {
                return exit;
            }
            c.hypercalls.call(c);
            c.latency += Latency.HYPERCALL;
            core.instructions().skip(length);
        } else {
            replace();
        }
        return null;
    }

    /** The hypercall in the guest's registers, if it is one that userspace answers; else null. */
    private VcpuExit askUserspace(int length) {
        Cpu c = cpu;
        long mask = c.codeSize64 ? -1L : 0xFFFF_FFFFL;
        long first = c.gpr[RBX] & mask;
        long pages = c.gpr[RCX] & mask;
        boolean exits = c.cpl == 0 && (c.gpr[RAX] & mask) == VcpuExit.Hypercall.MAP_GPA_RANGE && (hypercallExits & MAP_GPA_RANGE) != 0;
        boolean range = (first & PAGE - 1) == 0 && pages != 0 && Long.compareUnsigned((first >>> 12) + pages, first >>> 12) > 0;
        if (!exits || !range) {
            return null;
        }
        List<Long> arguments = List.of(first, pages, c.gpr[RDX] & mask, 0L, 0L, 0L);
        VcpuExit.Hypercall exit = new VcpuExit.Hypercall(VcpuExit.Hypercall.MAP_GPA_RANGE, arguments, c.codeSize64);
        core.unsettled().ask(exit, Unsettled.Completion.HYPERCALL, length);
        return exit;
    }

    /** Userspace has answered. */
    void complete(VcpuExit.Hypercall exit, int length) {
        Cpu c = core.state.change(GuestState.REGISTERS | GuestState.SYSTEM);
        c.gpr[RAX] = c.codeSize64 ? exit.result : exit.result & 0xFFFF_FFFFL;
        c.latency += Latency.HYPERCALL;
        core.instructions().skip(length);
    }

    /** KVM_CAP_EXIT_HYPERCALL. @param numbers of the hypercalls that userspace answers, one bit each */
    public void setHypercallExits(long numbers) {
        hypercallExits = numbers;
    }

    /** The emulator does not know what userspace wants to be asked about. */
    private VcpuExit emulate() {
        if (cpu.hypercalls != null && emulator.finds(cpu.model.isIntel() ? VMCALL : VMMCALL)) {
            VcpuExit exit = askUserspace(VMCALL.length);
            if (exit != null) {
                return exit;
            }
        }
        boolean privileged = cpu.cpl == 0;
        if (privileged && emulator.finds(RDMSR)) {
            return core.instructions().readMsr(RDMSR.length);
        }
        if (privileged && emulator.finds(WRMSR)) {
            return core.instructions().writeMsr(WRMSR.length);
        }
        return core.instructions().emulate();
    }

    /** #UD. */
    public VcpuExit exception() {
        core.state.change(GuestState.ALL);
        if (forcedEmulation && emulator.finds(PREFIX)) {
            return emulateBehindPrefix();
        }
        if (cpu.inSmm && emulator.finds(RSM)) {
            return core.instructions().emulate();
        }
        boolean intel = cpu.model.isIntel();
        if (cpu.hypercalls != null && emulator.finds(intel ? VMCALL : VMMCALL)) {
            return emulate();
        }
        if (cpu.hypercalls != null && emulator.finds(intel ? VMMCALL : VMCALL)) {
            replace();
        } else {
            core.events.queue(Event.exception(Event.UD));
        }
        return null;
    }

    /** The hypercall instruction of a vendor that is not the guest's. */
    private void replace() {
        if (!fixesHypercalls) {
            core.events.queue(Event.exception(Event.UD));
            return;
        }
        core.state.change(GuestState.ALL);
        if (emulator.replace(cpu.model.isIntel() ? VMCALL : VMMCALL) == Emulator.Outcome.FAULTED) {
            core.events.queue(emulator.fault());
        }
    }

    /** From here on everything is as if the prefix had been an instruction without effect. */
    private VcpuExit emulateBehindPrefix() {
        Cpu c = cpu;
        long rip = c.rip + PREFIX.length;
        c.rip = c.codeSize64 ? rip : rip & 0xFFFF_FFFFL;
        Flags.setRflags(c, Flags.rflags(c) & ~Flags.RF);
        long[] dr = new long[4];
        for (int i = 0; i < dr.length; i++) {
            dr[i] = core.debugger().register(i);
        }
        long breakpoints = Boundary.codeBreakpoints(c, dr, core.debugger().register(7));
        if (breakpoints == 0) {
            return emulate();
        }
        if (core.debugger().uses(GuestDebug.USE_HW_BP)) {
            return core.debugger().exit(Event.DB, breakpoints);
        }
        core.events.queue(Event.debug(breakpoints));
        return null;
    }
}
