package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.event.Boundary;

/** Instructions that mean something to the hypervisor only: hypercalls, RSM, and the prefix that has the next one emulated. */
public final class Undefined {
    /** UD2, and what tells it from others. */
    private static final byte[] PREFIX = {0x0F, 0x0B, 'k', 'v', 'm'};

    private static final byte[] VMCALL = {0x0F, 0x01, (byte) 0xC1}, VMMCALL = {0x0F, 0x01, (byte) 0xD9};
    private static final byte[] RSM = {0x0F, (byte) 0xAA};

    private final VcpuCore core;
    private final Cpu cpu;
    private final Emulator emulator;
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
            cpu.hypercalls.call(core.state.change(GuestState.REGISTERS | GuestState.SYSTEM));
            core.instructions().skip(length);
        } else {
            replace();
        }
        return null;
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
            return core.instructions().emulate();
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
            return core.instructions().emulate();
        }
        if (core.debugger().uses(GuestDebug.USE_HW_BP)) {
            return core.debugger().exit(Event.DB, breakpoints);
        }
        core.events.queue(Event.debug(breakpoints));
        return null;
    }
}
