package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.MsrFilter;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.isa.MsrIndex;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.system.Msrs;

/** RDMSR and WRMSR of registers that the hypervisor emulates, and what userspace wants to know of them. */
final class MsrInstructions {
    private static final int FIRST_X2APIC = 0x800, LAST_X2APIC = 0x8FF;
    private static final int RAX = 0, RCX = 1, RDX = 2;

    private final VcpuCore core;
    private final MsrPolicy policy;

    MsrInstructions(VcpuCore core, MsrPolicy policy) {
        this.core = core;
        this.policy = policy;
    }

    private Cpu cpu() {
        Cpu c = core.state.load(GuestState.REGISTERS);
        Emulator.synchronize(c);
        return c;
    }

    /** Where the registers are. Those of the local APIC are nowhere else. */
    private static int parts(int index) {
        return index >= FIRST_X2APIC && index <= LAST_X2APIC ? 0 : GuestState.SYSTEM | GuestState.KEYS | GuestState.MSRS;
    }

    /** Returns what ends the run, or null. @param length of the instruction */
    VcpuExit read(int length) {
        Cpu c = cpu();
        int index = (int) c.gpr[RCX];
        if (!policy.allows(index, MsrFilter.READ)) {
            return refuseRead(index, Capability.MSR_EXIT_REASON_FILTER, length);
        }
        try {
            core.state.load(parts(index));
            finishRead(Msrs.read(c, index), length);
            return null;
        } catch (GuestFault f) {
            return refuseRead(index, reason(c, index), length);
        }
    }

    private void finishRead(long value, int length) {
        Cpu c = core.state.change(GuestState.REGISTERS);
        c.gpr[RAX] = value & 0xFFFF_FFFFL;
        c.gpr[RDX] = value >>> 32;
        core.instructions().skip(length);
    }

    private static int reason(Cpu c, int index) {
        return MsrIndex.find(c.model, index) == null ? Capability.MSR_EXIT_REASON_UNKNOWN : Capability.MSR_EXIT_REASON_INVAL;
    }

    /** Unless userspace wants to answer. */
    private void generalProtection() {
        core.events.queue(Event.exception(Event.GP, 0));
    }

    private VcpuExit refuseRead(int index, int reason, int length) {
        if (!policy.exitsFor(reason)) {
            generalProtection();
            return null;
        }
        VcpuExit.Rdmsr exit = new VcpuExit.Rdmsr(index, reason);
        core.unsettled().ask(exit, Unsettled.Completion.RDMSR, length);
        return exit;
    }

    /** Userspace has answered. */
    void complete(VcpuExit.Rdmsr exit, int length) {
        if (exit.error) {
            generalProtection();
        } else {
            finishRead(exit.data, length);
        }
    }

    /** As {@link #read}. */
    VcpuExit write(int length) {
        Cpu c = cpu();
        int index = (int) c.gpr[RCX];
        long value = c.gpr[RDX] << 32 | c.gpr[RAX] & 0xFFFF_FFFFL;
        if (!policy.allows(index, MsrFilter.WRITE)) {
            return refuseWrite(index, value, Capability.MSR_EXIT_REASON_FILTER, length);
        }
        try {
            core.state.change(parts(index));
            Msrs.write(c, index, value);
            finishWrite(length);
            return null;
        } catch (GuestFault f) {
            return refuseWrite(index, value, reason(c, index), length);
        }
    }

    private VcpuExit refuseWrite(int index, long value, int reason, int length) {
        if (!policy.exitsFor(reason)) {
            generalProtection();
            return null;
        }
        VcpuExit.Wrmsr exit = new VcpuExit.Wrmsr(index, reason, value);
        core.unsettled().ask(exit, Unsettled.Completion.WRMSR, length);
        return exit;
    }

    /** Userspace has answered. */
    void complete(VcpuExit.Wrmsr exit, int length) {
        if (exit.error) {
            generalProtection();
        } else {
            finishWrite(length);
        }
    }

    private void finishWrite(int length) {
        core.cpu().latency += Latency.WRMSR;
        core.instructions().skip(length);
    }
}
