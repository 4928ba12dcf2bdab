package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.event.EventDelivery;

/** Whoever debugs the guest from outside: which events it wants, and the debug registers that it uses in place of the guest's. */
public final class Debugger {
    private final VcpuCore core;
    private final Cpu cpu;
    /** {@link GuestDebug#control} when enabled, else 0; and DR0 to DR7 of the debugger. */
    private int control;

    private long[] registers = new long[8];

    Debugger(VcpuCore core) {
        this.core = core;
        this.cpu = core.cpu();
    }

    /** KVM_SET_GUEST_DEBUG. @throws KvmException BUSY when an exception to inject would meet another */
    public void set(GuestDebug debug) {
        boolean injects = (debug.control & (GuestDebug.INJECT_DB | GuestDebug.INJECT_BP)) != 0;
        if (injects && core.events.hasException()) {
            throw new KvmException(KvmException.Error.BUSY, "an exception waits to be delivered");
        }
        core.state.change(GuestState.REGISTERS | GuestState.SYSTEM | GuestState.EVENTS);
        if ((debug.control & GuestDebug.INJECT_DB) != 0) {
            core.events.queue(Event.exception(Event.DB), false);
        } else if ((debug.control & GuestDebug.INJECT_BP) != 0) {
            core.events.queue(Event.software(Event.SOFTWARE_EXCEPTION, Event.BP, 1));
        }
        control = (debug.control & GuestDebug.ENABLE) != 0 ? debug.control : 0;
        registers = debug.debugreg.clone();
    }

    /** Whoever debugs the guest uses any of these ({@link GuestDebug}). */
    public boolean uses(int bits) {
        return (control & bits) != 0;
    }

    /** A debug register as the hardware shall have it: the debugger's, while it uses them, else the guest's. */
    public long register(int i) {
        boolean debuggers = uses(GuestDebug.USE_HW_BP);
        return i == 7 ? (debuggers ? registers[7] : cpu.dr7) : debuggers ? registers[i] : cpu.dr[i];
    }

    /** A debug event for whoever debugs the guest. @param causes of a #DB, positive polarity */
    public VcpuExit.Debug exit(int vector, long causes) {
        Cpu c = core.state.load(GuestState.REGISTERS | GuestState.SYSTEM);
        long pc = c.codeSize64 ? c.rip : c.rip + c.segBase[Cpu.CS] & 0xFFFF_FFFFL;
        return new VcpuExit.Debug(vector, pc, vector == Event.DB ? EventDelivery.mergeDr6(0, causes) : 0, register(7));
    }
}
