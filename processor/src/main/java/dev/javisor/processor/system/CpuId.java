package dev.javisor.processor.system;

import dev.javisor.isa.CpuCache;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Feature.Register;
import dev.javisor.isa.FeatureSet;
import dev.javisor.isa.Instruction;
import dev.javisor.isa.Msr;
import dev.javisor.isa.XsaveComponent;
import dev.javisor.isa.XsaveLayout;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.GuestControl.Intercept;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.InterruptController;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.core.Monitor;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Timeline;
import java.nio.charset.StandardCharsets;

/** CPUID: what the model says about itself, with the bits that follow the state of the processor. */
public final class CpuId {
    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3;

    private static final int MEGAHERTZ = 1_000_000;
    private static final int BUS_MEGAHERTZ = 100;

    private static final int EXTENDED = 0x8000_0000, HYPERVISOR = 0x4000_0000;
    /** Vendor identification of the hypervisor leaf. */
    private static final String HYPERVISOR_ID = "Javisor\0\0\0\0\0", PARAVIRTUAL_ID = "KVMKVMKVM\0\0\0";

    /** Bits of leaf 1 EDX that AMD repeats in leaf 80000001H. */
    private static final int REPEATED = 0x0183_F3FF;

    private static final long APIC_ENABLE = 0x800;
    private static final long MISC_ENABLE_MONITOR = 1 << 18, MISC_ENABLE_LIMIT_CPUID = 1 << 22, MISC_ENABLE_XD_DISABLE = 1L << 34;
    private static final int LIMITED_LEAF = 2;
    private static final long CPUID_FAULTING = 1;
    private static final long MICROCODE_REVISION = 0x2B00_0643L << 32;

    private CpuId() {}

    public static Handler bind(Instruction i) {
        return i.opcode.mnemonic.equals("CPUID") ? CpuId::cpuid : null;
    }

    static void cpuid(Cpu c, Op o) {
        boolean intel = c.model.isIntel();
        if (intel && c.cpl != 0 && (c.msr[Msr.MISC_FEATURES_ENABLES.slot] & CPUID_FAULTING) != 0) {
            throw c.gp0();
        }
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.CPUID);
        }
        int leaf = (int) c.gpr[RAX];
        int subleaf = (int) c.gpr[RCX];
        Leaf r = c.cpuid == null ? query(c, leaf, subleaf) : chosen(c, leaf, subleaf);
        if (leaf == 1 && intel) {
            c.msr[Msr.BIOS_SIGN_ID.slot] = MICROCODE_REVISION;
        }
        c.gpr[RAX] = r.eax & 0xFFFFFFFFL;
        c.gpr[RBX] = r.ebx & 0xFFFFFFFFL;
        c.gpr[RCX] = r.ecx & 0xFFFFFFFFL;
        c.gpr[RDX] = r.edx & 0xFFFFFFFFL;
        c.takeTime(Latency.CPUID);
    }

    /** What CPUID returns. */
    public record Leaf(int eax, int ebx, int ecx, int edx) {
        static final Leaf NONE = new Leaf(0, 0, 0, 0);
    }

    /** The answer to CPUID with these inputs, in the present state of the processor. */
    public static Leaf query(Cpu c, int leaf, int subleaf) {
        CpuModel m = c.model;
        if (leaf >>> 28 == 4 && c.has(Feature.HYPERVISOR)) {
            return hypervisor(m, leaf);
        }
        int highest = maxLeaf(c);
        boolean extended = leaf < 0 && leaf <= m.maxExtendedLeaf();
        if (!extended && Integer.compareUnsigned(leaf, highest) > 0) {
            return m.isIntel() ? basic(c, highest, subleaf) : Leaf.NONE;
        }
        return extended ? extended(c, leaf, subleaf) : basic(c, leaf, subleaf);
    }

    /** The answer of the processor's table. */
    private static Leaf chosen(Cpu c, int leaf, int subleaf) {
        int[] r = c.cpuid.find(leaf, subleaf);
        if (r == null) {
            return Leaf.NONE;
        }
        int ebx = r[1];
        int ecx = r[2];
        int edx = r[3];
        if (leaf == 1) {
            boolean xsave = c.has(Feature.XSAVE) && (c.cr4 & Cr.OSXSAVE) != 0;
            boolean monitorOff = c.model.isIntel() && (c.miscEnable & MISC_ENABLE_MONITOR) == 0;
            ecx = ecx & ~bit(Feature.OSXSAVE, true) & ~bit(Feature.MONITOR, monitorOff) | bit(Feature.OSXSAVE, xsave);
            edx &= ~bit(Feature.APIC, (c.apicBaseMsr & APIC_ENABLE) == 0);
        } else if (leaf == 7 && subleaf == 0) {
            ecx = ecx & ~bit(Feature.OSPKE, true) | bit(Feature.OSPKE, c.has(Feature.PKU) && (c.cr4 & Cr.PKE) != 0);
        } else if (leaf == 0xD && subleaf == 0) {
            ebx = XsaveLayout.standardSize(c.xcr0);
        } else if (leaf == 0xD && subleaf == 1 && ebx != 0) {
            ebx = XsaveLayout.compactedSize(c.xcr0 | c.xss);
        }
        return new Leaf(r[0], ebx, ecx, edx);
    }

    /** Who stands between the guest and the processor, and what it offers. */
    private static Leaf hypervisor(CpuModel m, int leaf) {
        return switch (leaf) {
            case HYPERVISOR -> m.isParavirtual()
                    ? signature(Feature.PARAVIRTUAL_LEAF, PARAVIRTUAL_ID)
                    : signature(HYPERVISOR, HYPERVISOR_ID);
            case Feature.PARAVIRTUAL_LEAF -> features(m.features(), leaf, 0);
            default -> Leaf.NONE;
        };
    }

    /** In the order EBX, ECX, EDX, where processors have EBX, EDX, ECX. */
    private static Leaf signature(int max, String id) {
        Leaf order = identity(max, id);
        return new Leaf(max, order.ebx, order.edx, order.ecx);
    }

    private static int maxLeaf(Cpu c) {
        int max = c.model.maxLeaf();
        return c.model.isIntel() && (c.miscEnable & MISC_ENABLE_LIMIT_CPUID) != 0 ? Math.min(max, LIMITED_LEAF) : max;
    }

    // ---- basic leaves ----

    private static Leaf basic(Cpu c, int leaf, int subleaf) {
        boolean intel = c.model.isIntel();
        return switch (leaf) {
            case 0 -> identity(maxLeaf(c), c.model.vendor().id);
            case 1 -> features1(c);
            case 2 -> intel ? new Leaf(0x7603_6301, 0x00F0_B5FF, 0, 0x00C3_0000) : Leaf.NONE;
            case 4 -> intel ? cache(c, subleaf, coreNumbers(c) - 1 << 26) : Leaf.NONE;
            case 5 -> c.has(Feature.MONITOR) ? new Leaf(Monitor.LINE, Monitor.LINE, 3, 0x20) : Leaf.NONE;
            case 7 -> features7(c, subleaf);
            case 0xB -> topology(c, subleaf);
            case 0x1F -> intel ? topology(c, subleaf) : Leaf.NONE;
            case 0xD -> extendedState(c, subleaf);
            case 0x15 -> intel ? crystal() : Leaf.NONE;
            case 0x16 -> intel ? new Leaf(megahertz(), megahertz(), BUS_MEGAHERTZ, 0) : Leaf.NONE;
            default -> features(c.model.features(), leaf, subleaf);
        };
    }

    private static Leaf identity(int max, String id) {
        byte[] b = id.getBytes(StandardCharsets.US_ASCII);
        return new Leaf(max, word(b, 0), word(b, 8), word(b, 4));
    }

    private static int word(byte[] b, int at) {
        int v = 0;
        for (int i = 3; i >= 0; i--) {
            v = v << 8 | (at + i < b.length ? b[at + i] & 0xFF : 0);
        }
        return v;
    }

    private static Leaf features(FeatureSet f, int leaf, int subleaf) {
        return new Leaf(
                f.register(leaf, subleaf, Register.EAX),
                f.register(leaf, subleaf, Register.EBX),
                f.register(leaf, subleaf, Register.ECX),
                f.register(leaf, subleaf, Register.EDX));
    }

    private static int bit(Feature f, boolean value) {
        return value ? 1 << f.bit : 0;
    }

    private static Leaf features1(Cpu c) {
        Leaf f = features(c.model.features(), 1, 0);
        boolean monitorOff = c.model.isIntel() && (c.miscEnable & MISC_ENABLE_MONITOR) == 0;
        int ecx = f.ecx & ~bit(Feature.MONITOR, monitorOff);
        ecx |= bit(Feature.OSXSAVE, c.has(Feature.XSAVE) && (c.cr4 & Cr.OSXSAVE) != 0);
        boolean many = c.processors > 1 && c.has(Feature.HT);
        int ebx = c.index << 24 | (many ? c.processors << 16 : 0) | CpuCache.LINE / 8 << 8;
        return new Leaf(c.model.signature(), ebx, ecx, edx1(c, f.edx));
    }

    /** The bits of leaf 1 EDX, of which two follow the machine: APIC enabled, more than one processor. */
    private static int edx1(Cpu c, int edx) {
        return edx & ~bit(Feature.APIC, (c.apicBaseMsr & APIC_ENABLE) == 0) & ~bit(Feature.HT, c.processors == 1);
    }

    private static Leaf features7(Cpu c, int subleaf) {
        Leaf f = features(c.model.features(), 7, subleaf);
        int ospke = bit(Feature.OSPKE, subleaf == 0 && c.has(Feature.PKU) && (c.cr4 & Cr.PKE) != 0);
        return new Leaf(subleaf == 0 ? 2 : f.eax, f.ebx, f.ecx | ospke, f.edx);
    }

    private static Leaf cache(Cpu c, int number, int cores) {
        CpuCache[] all = CpuCache.values();
        if (number < 0 || number >= all.length) {
            return Leaf.NONE;
        }
        CpuCache k = all[number];
        int sharing = k.shared ? coreNumbers(c) - 1 : 0;
        int selfInitializing = 0x100;
        return new Leaf(
                cores | sharing << 14 | selfInitializing | k.level << 5 | k.type.code, k.ways - 1 << 22 | CpuCache.LINE - 1, k.sets() - 1,
                0);
    }

    // ---- topology: one package, one processor to a core ----

    /** Bits of an APIC ID that tell the cores apart. */
    private static int coreBits(Cpu c) {
        return 32 - Integer.numberOfLeadingZeros(c.processors - 1);
    }

    /** Numbers that cores can have. */
    private static int coreNumbers(Cpu c) {
        return 1 << coreBits(c);
    }

    private static Leaf topology(Cpu c, int level) {
        int thread = 1;
        int core = 2;
        return switch (level) {
            case 0 -> new Leaf(0, 1, thread << 8, c.index);
            case 1 -> new Leaf(coreBits(c), c.processors, core << 8 | 1, c.index);
            default -> new Leaf(0, 0, level & 0xFF, c.index);
        };
    }

    // ---- extended state ----

    private static Leaf extendedState(Cpu c, int subleaf) {
        if (!c.has(Feature.XSAVE)) {
            return Leaf.NONE;
        }
        long user = ExtendedControl.userState(c);
        long supervisor = MsrRules.supervisorState(c);
        if (subleaf == 0) {
            return new Leaf((int) user, XsaveLayout.standardSize(c.xcr0), XsaveLayout.standardSize(user), (int) (user >>> 32));
        }
        if (subleaf == 1) {
            int eax = c.model.features().register(0xD, 1, Register.EAX);
            boolean compacts = c.has(Feature.XSAVEC) || c.has(Feature.XSAVES);
            int size = compacts ? XsaveLayout.compactedSize(c.xcr0 | c.xss) : 0;
            return new Leaf(eax, size, (int) supervisor, (int) (supervisor >>> 32));
        }
        for (XsaveComponent x : XsaveComponent.values()) {
            if (x.number == subleaf && ((user | supervisor) & x.bit()) != 0) {
                return new Leaf(x.size, x.offset, (x.supervisor ? 1 : 0) | (x.aligned ? 2 : 0), 0);
            }
        }
        return Leaf.NONE;
    }

    // ---- clocks ----

    private static int megahertz() {
        return (int) (Timeline.FREQUENCY / MEGAHERTZ);
    }

    private static Leaf crystal() {
        long crystal = InterruptController.CRYSTAL_FREQUENCY;
        return new Leaf(1, (int) (Timeline.FREQUENCY / crystal), (int) crystal, 0);
    }

    // ---- extended leaves ----

    private static Leaf extended(Cpu c, int leaf, int subleaf) {
        CpuModel m = c.model;
        boolean amd = !m.isIntel();
        return switch (leaf - EXTENDED) {
            case 0 -> amd ? identity(m.maxExtendedLeaf(), m.vendor().id) : new Leaf(m.maxExtendedLeaf(), 0, 0, 0);
            case 1 -> extendedFeatures(c);
            case 2, 3, 4 -> brand(m, leaf - EXTENDED - 2);
            case 5 -> amd ? new Leaf(0xFF48_FF40, 0xFF48_FF40, l1(CpuCache.L1_DATA), l1(CpuCache.L1_INSTRUCTION)) : Leaf.NONE;
            case 6 -> new Leaf(0, amd ? 0x4800_4400 : 0, l2(), amd ? l3() : 0);
            case 8 -> sizes(c);
            case 0xA -> m.features().has(Feature.SVM) ? secureVirtualMachine(m) : Leaf.NONE;
            case 0x1D -> c.has(Feature.TOPOEXT) ? cache(c, subleaf, 0) : Leaf.NONE;
            case 0x1E -> c.has(Feature.TOPOEXT) ? new Leaf(c.index, c.index, 0, 0) : Leaf.NONE;
            default -> features(m.features(), leaf, subleaf);
        };
    }

    private static Leaf extendedFeatures(Cpu c) {
        CpuModel m = c.model;
        Leaf f = features(m.features(), EXTENDED + 1, 0);
        if (!m.isIntel()) {
            int repeated = edx1(c, m.features().register(1, 0, Register.EDX)) & REPEATED;
            return new Leaf(m.signature(), 0, f.ecx, f.edx | repeated);
        }
        boolean noExecuteOff = (c.miscEnable & MISC_ENABLE_XD_DISABLE) != 0;
        int edx = f.edx & ~bit(Feature.SYSCALL, !c.codeSize64) & ~bit(Feature.NX, noExecuteOff);
        return new Leaf(0, 0, f.ecx, edx);
    }

    private static Leaf brand(CpuModel m, int part) {
        byte[] b = m.brand().getBytes(StandardCharsets.US_ASCII);
        int at = 16 * part;
        return new Leaf(word(b, at), word(b, at + 4), word(b, at + 8), word(b, at + 12));
    }

    private static int l1(CpuCache k) {
        return k.kilobytes << 24 | k.ways << 16 | 1 << 8 | CpuCache.LINE;
    }

    /** Encoding of 16-way associativity in leaf 80000006H. */
    private static final int WAYS_16 = 8;

    private static int l2() {
        return CpuCache.L2.kilobytes << 16 | WAYS_16 << 12 | 1 << 8 | CpuCache.LINE;
    }

    private static int l3() {
        return CpuCache.L3.kilobytes / 512 << 18 | WAYS_16 << 12 | 1 << 8 | CpuCache.LINE;
    }

    private static Leaf sizes(Cpu c) {
        CpuModel m = c.model;
        Leaf f = features(m.features(), EXTENDED + 8, 0);
        int eax = m.physicalBits() | m.linearBits() << 8;
        int ecx = m.isIntel() ? 0 : c.processors - 1 | coreBits(c) << 12;
        int edx = c.has(Feature.RDPRU) ? TimeStamp.APERF << 16 : 0;
        return new Leaf(eax, f.ebx, ecx, edx);
    }

    private static Leaf secureVirtualMachine(CpuModel m) {
        int revision = 1;
        int addressSpaces = 0x8000;
        return new Leaf(revision, addressSpaces, 0, m.features().register(EXTENDED + 0xA, 0, Register.EDX));
    }
}
