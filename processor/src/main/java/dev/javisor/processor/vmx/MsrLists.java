package dev.javisor.processor.vmx;

import dev.javisor.isa.VmcsField;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.system.Msrs;
import dev.javisor.processor.vmx.EntryRule.Group;
import dev.javisor.processor.vmx.EntryRule.Section;
import java.util.List;
import java.util.function.BiPredicate;

/** The lists of model-specific registers that VM entries load, and VM exits store and load ("Loading MSRs", "Saving MSRs"). */
final class MsrLists {
    static final int ENTRY_SIZE = 16;
    /** Longest list that IA32_VMX_MISC recommends. Entries beyond it end in a failure. */
    static final int LONGEST = 512;

    private static final int FS_BASE = 0xC000_0100, GS_BASE = 0xC000_0101, SMM_MONITOR_CTL = 0x9B, SMBASE = 0x9E, BIOS_UPDATE = 0x79,
            BIOS_SIGNATURE = 0x8B;
    private static final long X2APIC_MODE = 0xC00;

    private static final String SECTION = "Loading MSRs";

    /** What a list that is loaded must not contain; the processor stops at the first entry for which a rule does not hold. */
    private static final List<LoadRule> LOAD_RULES = List.of(
            new LoadRule("count", "a list has at most " + LONGEST + " entries, as IA32_VMX_MISC says", (c, e) -> e.number <= LONGEST),
            new LoadRule(
                    "base",
                    "FS and GS base are loaded from the guest-state area, not as MSRs",
                    (c, e) -> e.index != FS_BASE && e.index != GS_BASE),
            new LoadRule("x2apic", "MSRs 800H to 8FFH are not loaded in x2APIC mode", (c, e) -> !isX2apicRegister(c, e.index)),
            new LoadRule("smm", "IA32_SMM_MONITOR_CTL can be written in SMM only", (c, e) -> e.index != SMM_MONITOR_CTL || c.inSmm),
            new LoadRule(
                    "microcode",
                    "no microcode is updated by a list",
                    (c, e) -> e.index != BIOS_UPDATE && e.index != BIOS_SIGNATURE),
            new LoadRule("reserved", "bits 63:32 of the entry are 0", (c, e) -> e.reserved == 0),
            new LoadRule("value", "WRMSR at CPL 0 would take the MSR and its value", (c, e) -> !e.refused));

    private MsrLists() {}

    private record LoadRule(String id, String requirement, BiPredicate<Cpu, Entry> holds) {}

    /** One entry of a list. */
    static final class Entry {
        /** From 1. */
        long number;

        int index;
        long reserved;
        long value;
        /** WRMSR did not take it. */
        boolean refused;

        private void read(PhysicalMemory m, long address, long number) {
            this.number = number;
            index = (int) m.read(address, 4);
            reserved = m.read(address + 4, 4);
            value = m.read(address + 8, 8);
            refused = false;
        }
    }

    /** The rules of the VM-entry MSR-load area, each about {@link EntryContext#msr}. */
    static void addTo(List<EntryRule> rules) {
        Section s = new Section(rules, Group.MSR_LOADING, SECTION);
        for (LoadRule r : LOAD_RULES) {
            s.rule(
                    "entry-msr-" + r.id,
                    r.requirement,
                    x -> x.msr.number == 0 || r.holds.test(x.cpu, x.msr),
                    VmcsField.ENTRY_MSR_LOAD_ADDRESS,
                    VmcsField.ENTRY_MSR_LOAD_COUNT);
        }
    }

    private static boolean isX2apicRegister(Cpu c, int index) {
        return index >>> 8 == 8 && (c.apicBaseMsr & X2APIC_MODE) == X2APIC_MODE;
    }

    private static boolean isLoadable(Cpu c, Entry e) {
        for (LoadRule r : LOAD_RULES) {
            if (!r.holds.test(c, e)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Loads a list, up to an entry that cannot be loaded.
     *
     * @param e the entry that was last looked at
     * @return 0, or the number from 1 of the entry that could not be loaded
     */
    static long load(Cpu c, Vmcs vmcs, VmcsField address, VmcsField count, Entry e) {
        long n = vmcs.get(count);
        long a = vmcs.get(address);
        for (long i = 1; i <= n; i++, a += ENTRY_SIZE) {
            e.read(c.memory, a, i);
            if (!isLoadable(c, e)) {
                return i;
            }
            try {
                Msrs.write(c, e.index, e.value);
            } catch (GuestFault fault) {
                e.refused = true;
                return i;
            }
        }
        e.number = 0;
        return 0;
    }

    /** The first entry of the VM-entry MSR-load area that cannot be loaded, as far as that can be told without loading. */
    static void examine(EntryContext x) {
        long n = x.get(VmcsField.ENTRY_MSR_LOAD_COUNT);
        long a = x.get(VmcsField.ENTRY_MSR_LOAD_ADDRESS);
        for (long i = 1; i <= Math.min(n, LONGEST + 1); i++, a += ENTRY_SIZE) {
            if (!x.isVisible(a) || !x.isVisible(a + ENTRY_SIZE - 1)) {
                break;
            }
            x.msr.read(x.cpu.memory, a, i);
            if (!isLoadable(x.cpu, x.msr)) {
                return;
            }
        }
        x.msr.number = 0;
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
