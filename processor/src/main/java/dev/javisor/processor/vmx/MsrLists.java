package dev.javisor.processor.vmx;

import dev.javisor.isa.VmcsField;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.system.Msrs;

/** The lists of model-specific registers that VM entries load, and VM exits store and load ("Loading MSRs", "Saving MSRs"). */
final class MsrLists {
    static final int ENTRY_SIZE = 16;
    /** Longest list that IA32_VMX_MISC recommends. Entries beyond it end in a failure. */
    static final int LONGEST = 512;

    private static final int FS_BASE = 0xC000_0100, GS_BASE = 0xC000_0101, SMM_MONITOR_CTL = 0x9B, SMBASE = 0x9E, BIOS_UPDATE = 0x79,
            BIOS_SIGNATURE = 0x8B;
    private static final long X2APIC_MODE = 0xC00;

    private MsrLists() {}

    private static boolean isX2apicRegister(Cpu c, int index) {
        return index >>> 8 == 8 && (c.apicBaseMsr & X2APIC_MODE) == X2APIC_MODE;
    }

    /** @return 0, or the number from 1 of the entry that could not be loaded */
    static long load(Cpu c, Vmcs vmcs, VmcsField address, VmcsField count) {
        PhysicalMemory m = c.memory;
        long n = vmcs.get(count);
        long a = vmcs.get(address);
        for (long i = 1; i <= n; i++, a += ENTRY_SIZE) {
            int index = (int) m.read(a, 4);
            boolean excluded = switch (index) {
                case FS_BASE, GS_BASE, SMM_MONITOR_CTL, BIOS_UPDATE, BIOS_SIGNATURE -> true;
                default -> isX2apicRegister(c, index);
            };
            if (i > LONGEST || excluded || m.read(a + 4, 4) != 0) {
                return i;
            }
            try {
                Msrs.write(c, index, m.read(a + 8, 8));
            } catch (GuestFault fault) {
                return i;
            }
        }
        return 0;
    }

    /** The VM-exit MSR-store list. @return false when an entry could not be stored */
    static boolean store(Cpu c, Vmcs vmcs) {
        PhysicalMemory m = c.memory;
        long n = vmcs.get(VmcsField.EXIT_MSR_STORE_COUNT);
        long a = vmcs.get(VmcsField.EXIT_MSR_STORE_ADDRESS);
        for (long i = 1; i <= n; i++, a += ENTRY_SIZE) {
            int index = (int) m.read(a, 4);
            if (i > LONGEST || index == SMBASE || isX2apicRegister(c, index) || m.read(a + 4, 4) != 0) {
                return false;
            }
            try {
                m.write(a + 8, 8, Msrs.read(c, index));
            } catch (GuestFault fault) {
                return false;
            }
        }
        return true;
    }
}
