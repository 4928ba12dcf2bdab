package dev.javisor.processor.system;

import dev.javisor.isa.Instruction;
import dev.javisor.isa.Msr;
import dev.javisor.isa.MsrIndex;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Paravirtualization;

/** Model-specific registers: RDMSR, WRMSR, WRMSRNS, and the same for whoever saves, loads or switches them. */
public final class Msrs {
    private static final int RAX = 0, RCX = 1, RDX = 2;

    private Msrs() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "RDMSR" -> Msrs::rdmsr;
            case "WRMSR", "WRMSRNS" -> Msrs::wrmsr;
            default -> null;
        };
    }

    static void rdmsr(Cpu c, Op o) {
        checkPrivilege(c);
        int index = (int) c.gpr[RCX];
        if (c.guest != null && c.guest.readMsr(c, o, index)) {
            return;
        }
        long value = read(c, index);
        c.gpr[RAX] = value & 0xFFFFFFFFL;
        c.gpr[RDX] = value >>> 32;
    }

    static void wrmsr(Cpu c, Op o) {
        checkPrivilege(c);
        int index = (int) c.gpr[RCX];
        long value = c.gpr[RDX] << 32 | c.gpr[RAX] & 0xFFFFFFFFL;
        c.takeTime(Latency.WRMSR);
        if (c.guest == null || !c.guest.writeMsr(c, o, index, value)) {
            write(c, index, value);
        }
    }

    private static void checkPrivilege(Cpu c) {
        if (c.cpl != 0) {
            throw c.gp0();
        }
    }

    /** The register that the processor has at an index. @throws GuestFault #GP(0) when there is none */
    private static Msr find(Cpu c, int index) {
        Msr m = MsrIndex.find(c.model, index);
        if (m == null) {
            throw c.gp0();
        }
        return m;
    }

    /** @throws GuestFault #GP(0) when there is no such register to read */
    public static long read(Cpu c, int index) {
        Msr m = find(c, index);
        if (m.writeOnly) {
            throw c.gp0();
        }
        return m.slot >= 0 ? c.msr[m.slot + m.bank(index)] : readField(c, m, index);
    }

    private static long readField(Cpu c, Msr m, int index) {
        return switch (m) {
            case TSC -> TimeStamp.timeStamp(c);
            case TSC_ADJUST -> c.tscAdjust;
            case TSC_DEADLINE -> c.apic.tscDeadline();
            case APIC_BASE -> c.apicBaseMsr;
            case X2APIC -> c.apic.readMsr(m.bank(index));
            case MPERF, MPERF_READ_ONLY -> TimeStamp.mperf(c);
            case APERF, APERF_READ_ONLY -> TimeStamp.aperf(c);
            case SYSENTER_CS -> c.sysenterCs;
            case SYSENTER_ESP -> c.sysenterEsp;
            case SYSENTER_EIP -> c.sysenterEip;
            case MISC_ENABLE -> c.miscEnable;
            case DEBUGCTL -> c.debugctl;
            case VMX_CAPABILITY -> capability(c, m.bank(index));
            case PKRS -> c.pkrs;
            case XSS -> c.xss;
            case EFER -> c.efer;
            case STAR -> c.star;
            case LSTAR -> c.lstar;
            case CSTAR -> c.cstar;
            case FMASK -> c.sfmask;
            case FS_BASE -> c.segBase[Cpu.FS];
            case GS_BASE -> c.segBase[Cpu.GS];
            case KERNEL_GS_BASE -> c.kernelGsBase;
            case TSC_AUX -> c.tscAux;
            case SMM_BASE -> c.smbase;
            default -> paravirtual(c).readMsr(m);
        };
    }

    private static long capability(Cpu c, int index) {
        if (c.virtualization == null) {
            throw c.gp0();
        }
        return c.virtualization.capability(c, index);
    }

    /** @throws GuestFault #GP(0) when there is no such register to write, or when it does not take the value */
    public static void write(Cpu c, int index, long value) {
        Msr m = find(c, index);
        if (!MsrRules.allows(c, m, value)) {
            throw c.gp0();
        }
        long v = MsrRules.stored(c, m, value);
        if (m.slot < 0) {
            writeField(c, m, index, v);
        } else if (!m.writeOnly) {
            c.msr[m.slot + m.bank(index)] = v;
        }
    }

    /** Whether IA32_DEBUGCTL takes a value. */
    public static boolean isDebugctl(Cpu c, long value) {
        return MsrRules.allows(c, Msr.DEBUGCTL, value);
    }

    private static void writeField(Cpu c, Msr m, int index, long v) {
        switch (m) {
            case TSC -> moveTsc(c, v - c.tsc());
            case TSC_ADJUST -> moveTsc(c, v - c.tscAdjust);
            case TSC_DEADLINE -> c.apic.setTscDeadline(v);
            case APIC_BASE -> c.apic.setBaseMsr(v);
            case X2APIC -> c.apic.writeMsr(m.bank(index), v);
            case MPERF -> TimeStamp.setMperf(c, v);
            case APERF -> TimeStamp.setAperf(c, v);
            case SYSENTER_CS -> c.sysenterCs = v;
            case SYSENTER_ESP -> c.sysenterEsp = v;
            case SYSENTER_EIP -> c.sysenterEip = v;
            case MISC_ENABLE -> c.miscEnable = v;
            case DEBUGCTL -> c.debugctl = v;
            case PKRS -> c.setPkrs(v);
            case XSS -> c.xss = v;
            case EFER -> ControlRegisters.writeEfer(c, v);
            case STAR -> c.star = v;
            case LSTAR -> c.lstar = v;
            case CSTAR -> c.cstar = v;
            case FMASK -> c.sfmask = v;
            case FS_BASE -> setSegmentBase(c, Cpu.FS, v);
            case GS_BASE -> setSegmentBase(c, Cpu.GS, v);
            case KERNEL_GS_BASE -> c.kernelGsBase = v;
            case TSC_AUX -> c.tscAux = v;
            case SMM_BASE -> c.smbase = v;
            default -> paravirtual(c).writeMsr(m, v);
        }
    }

    /** Who has the registers that no processor has. */
    private static Paravirtualization paravirtual(Cpu c) {
        if (c.paravirtual == null) {
            throw c.gp0();
        }
        return c.paravirtual;
    }

    private static void setSegmentBase(Cpu c, int segment, long base) {
        c.segBase[segment] = base;
        c.eaBase[segment] = base;
    }

    /** A write to the time-stamp counter or to IA32_TSC_ADJUST moves both. */
    private static void moveTsc(Cpu c, long by) {
        c.tscOffset += by;
        c.tscAdjust += by;
        if (c.apic != null) {
            c.apic.tscChanged();
        }
    }
}
