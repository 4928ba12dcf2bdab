package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.X86Mce;
import dev.javisor.hypervisor.vcpu.GuestState;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Msr;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;

/** Machine checks that userspace reports. */
final class MachineChecks {
    /** MCG_STATUS.MCIP. */
    private static final long IN_PROGRESS = 4;

    private MachineChecks() {}

    /**
     * An uncorrected error is an exception of the guest where it lets the bank report any; it shuts down when the one before is still being
     * handled, or CR4.MCE is 0. A corrected one is in its bank, for whoever looks, but never in the place of an uncorrected one.
     */
    static void report(VcpuCore core, X86Mce m) {
        Cpu c = core.state.change(GuestState.SYSTEM | GuestState.MSRS);
        if (!c.has(Feature.MCA) || m.bank < 0 || m.bank >= Msr.MACHINE_CHECK_BANKS) {
            throw KvmException.invalid("there is no machine-check bank " + m.bank);
        }
        if ((m.status & X86Mce.VALID) == 0) {
            throw KvmException.invalid("a machine check whose status is not valid: " + Long.toHexString(m.status));
        }
        long before = c.msr[Msr.MC_STATUS.slot + m.bank];
        boolean overwrites = (before & X86Mce.VALID) != 0;
        if ((m.status & X86Mce.UNCORRECTED) == 0) {
            if (overwrites && (before & X86Mce.UNCORRECTED) != 0) {
                c.msr[Msr.MC_STATUS.slot + m.bank] = before | X86Mce.OVERFLOW;
            } else {
                store(c, m, overwrites);
            }
            return;
        }
        if (c.msr[Msr.MCG_CTL.slot] != -1 || c.msr[Msr.MC_CTL.slot + m.bank] != -1) {
            return;
        }
        if ((c.msr[Msr.MCG_STATUS.slot] & IN_PROGRESS) != 0 || (c.cr4 & Cr.MCE) == 0) {
            core.events.shutDown();
            return;
        }
        store(c, m, overwrites);
        c.msr[Msr.MCG_STATUS.slot] = m.mcgStatus;
        core.events.queue(Event.exception(Event.MC));
    }

    private static void store(Cpu c, X86Mce m, boolean overwrites) {
        c.msr[Msr.MC_ADDR.slot + m.bank] = m.addr;
        c.msr[Msr.MC_MISC.slot + m.bank] = m.misc;
        c.msr[Msr.MC_STATUS.slot + m.bank] = m.status | (overwrites ? X86Mce.OVERFLOW : 0);
    }
}
