package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.MsrEntry;
import dev.javisor.hypervisor.vcpu.GuestState;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Msr;
import dev.javisor.isa.MsrIndex;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.system.Msrs;
import java.util.ArrayList;
import java.util.List;

/** Model-specific registers at the interface. */
final class MsrAccess {
    /** Most registers in one call. */
    private static final int MOST = 256;

    private MsrAccess() {}

    static void checkCount(int n) {
        if (n > MOST) {
            throw new KvmException(KvmException.Error.TOO_BIG, "at most " + MOST + " registers in one call, not " + n);
        }
    }

    private static boolean isConstant(Msr m) {
        return m.rule == Msr.Rule.READ_ONLY;
    }

    /** The registers of a model whose values make up a guest's state; those of the local APIC are not among them. */
    static int[] guestState(CpuModel model) {
        return indices(model, m -> !isConstant(m) && !m.writeOnly && m != Msr.X2APIC);
    }

    /** The registers of a model that tell what it has. */
    static int[] features(CpuModel model) {
        return indices(model, m -> isConstant(m) && m.slot >= 0 || m == Msr.BIOS_SIGN_ID);
    }

    private interface Choice {
        boolean takes(Msr m);
    }

    private static int[] indices(CpuModel model, Choice choice) {
        List<Integer> all = new ArrayList<>();
        for (Msr m : Msr.values()) {
            if (m.isOn(model) && choice.takes(m)) {
                for (int i = 0; i < m.count; i++) {
                    all.add(m.index + i * m.stride);
                }
            }
        }
        return all.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Fills in the values of registers that tell what a model has, up to the first that does not; returns how many. */
    static int features(CpuModel model, MsrEntry[] entries) {
        for (int i = 0; i < entries.length; i++) {
            Msr m = MsrIndex.find(model, entries[i].index);
            if (m == null || m.slot < 0 || !isConstant(m) && m != Msr.BIOS_SIGN_ID) {
                return i;
            }
            entries[i].data = m.reset;
        }
        return entries.length;
    }

    static long get(GuestState state, int index) {
        try {
            return Msrs.read(clocked(state.load(GuestState.SYSTEM | GuestState.KEYS | GuestState.MSRS)), index);
        } catch (GuestFault f) {
            throw KvmException.invalid("there is no MSR " + Integer.toHexString(index) + " to read");
        }
    }

    static void set(GuestState state, int index, long value) {
        Cpu c = clocked(state.change(GuestState.SYSTEM | GuestState.KEYS | GuestState.MSRS));
        Msr m = MsrIndex.find(c.model, index);
        // What cannot change can be restored.
        if (m != null && isConstant(m) && m.slot >= 0 && c.msr[m.slot + m.bank(index)] == value) {
            return;
        }
        try {
            Msrs.write(c, index, value);
        } catch (GuestFault f) {
            throw KvmException.invalid("MSR " + Integer.toHexString(index) + " does not take " + Long.toHexString(value));
        }
    }

    /** The clock of a processor that does not run shows the time. */
    private static Cpu clocked(Cpu c) {
        c.blockLength = 0;
        c.position = 0;
        c.budget = 0;
        c.sliceEnd = c.timeline.now();
        return c;
    }

    /** Reads registers up to the first that cannot be read; returns how many were. */
    static int get(GuestState state, MsrEntry[] entries) {
        checkCount(entries.length);
        for (int i = 0; i < entries.length; i++) {
            try {
                entries[i].data = get(state, entries[i].index);
            } catch (KvmException e) {
                return i;
            }
        }
        return entries.length;
    }

    /** Writes registers up to the first that does not take its value; returns how many were. */
    static int set(GuestState state, MsrEntry[] entries) {
        checkCount(entries.length);
        for (int i = 0; i < entries.length; i++) {
            try {
                set(state, entries[i].index, entries[i].data);
            } catch (KvmException e) {
                return i;
            }
        }
        return entries.length;
    }
}
