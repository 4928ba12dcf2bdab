package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.abi.CpuidEntry;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.isa.FeatureSet;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.CpuidTable;
import dev.javisor.processor.system.CpuId;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;

/** CPUID as userspace has chosen it for a vcpu, and the model that follows from it. */
public final class GuestCpuid implements CpuidTable {
    /** Most entries. */
    private static final int MOST = 256;

    private static final int HYPERVISOR = 0x4000_0000, EXTENDED = 0x8000_0000, TOPOLOGY = 0xB, TOPOLOGY_2 = 0x1F, SIZES = 0x8000_0008;
    private static final int LEAST_PHYSICAL_BITS = 32;

    /** Features that follow the state of the processor or of the machine, or are no matter of the processor. */
    private static final EnumSet<Feature> FREE =
            EnumSet.of(Feature.HYPERVISOR, Feature.OSXSAVE, Feature.OSPKE, Feature.HT, Feature.APIC);

    private final List<CpuidEntry> entries = new ArrayList<>();
    private final boolean intel;

    /**
     * @param host the model of the processor
     * @throws KvmException TOO_BIG for more than 256 entries; INVALID_ARGUMENT for two answers to one input, another vendor, features that
     *     the processor does not have, and impossible widths of addresses
     */
    public GuestCpuid(List<CpuidEntry> chosen, CpuModel host) {
        if (chosen.size() > MOST) {
            throw new KvmException(KvmException.Error.TOO_BIG, "CPUID has at most " + MOST + " entries, not " + chosen.size());
        }
        intel = host.isIntel();
        for (CpuidEntry e : chosen) {
            if ((e.flags & ~CpuidEntry.SIGNIFICANT_INDEX) != 0) {
                throw KvmException.invalid("unknown flags of CPUID leaf " + Integer.toHexString(e.function));
            }
            if (entry(e.function, e.index) != null) {
                throw KvmException.invalid("two answers to CPUID leaf " + Integer.toHexString(e.function) + "." + e.index);
            }
            entries.add(copy(e));
        }
        checkVendor(host);
        checkFeatures(host);
        checkWidths(host);
    }

    private void checkVendor(CpuModel host) {
        CpuidEntry e = entry(0, 0);
        if (e != null) {
            ByteBuffer b = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).putInt(e.ebx).putInt(e.edx).putInt(e.ecx);
            String vendor = new String(b.array(), StandardCharsets.US_ASCII);
            if (!vendor.equals(host.vendor().id)) {
                throw KvmException.invalid("the processor is not of vendor \"" + vendor + "\"");
            }
        }
    }

    private void checkFeatures(CpuModel host) {
        for (Feature f : Feature.values()) {
            boolean processors = f.register != null && f.leaf != Feature.PARAVIRTUAL_LEAF && !FREE.contains(f);
            if (processors && !host.features().has(f) && enumerates(f)) {
                throw KvmException.invalid("the processor does not have " + f.lowerCaseName());
            }
        }
    }

    private void checkWidths(CpuModel host) {
        CpuidEntry e = entry(SIZES, 0);
        if (e != null) {
            int physical = e.eax & 0xFF;
            int linear = e.eax >>> 8 & 0xFF;
            if (physical < LEAST_PHYSICAL_BITS || physical > host.physicalBits() || linear != 0 && linear != 48 && linear != 57) {
                throw KvmException.invalid("addresses of " + physical + " and " + linear + " bits are not possible");
            }
        }
    }

    private boolean enumerates(Feature f) {
        CpuidEntry e = entry(f.leaf, f.subleaf);
        if (e == null) {
            return false;
        }
        int register = switch (f.register) {
            case EAX -> e.eax;
            case EBX -> e.ebx;
            case ECX -> e.ecx;
            case EDX -> e.edx;
        };
        return (register >>> f.bit & 1) != 0;
    }

    /** The model that the answers describe: features of the processor's that CPUID tells. */
    public CpuModel model(CpuModel host) {
        EnumSet<Feature> features = host.features().toSet();
        features.removeIf(f -> f.register != null && f != Feature.HT && f != Feature.APIC && !enumerates(f));
        CpuidEntry sizes = entry(SIZES, 0);
        int physicalBits = sizes == null ? host.physicalBits() : sizes.eax & 0xFF;
        return new CpuModel(
                host.name(), host.vendor(), host.family(), host.model(), host.stepping(), host.brand(), physicalBits, host.maxLeaf(),
                host.maxExtendedLeaf(), host.listed(), new FeatureSet(features));
    }

    /** Copies, which are the caller's to change. */
    public List<CpuidEntry> entries() {
        return entries.stream().map(GuestCpuid::copy).toList();
    }

    private static CpuidEntry copy(CpuidEntry e) {
        CpuidEntry copy = new CpuidEntry();
        copy.fromBytes(e.toBytes());
        return copy;
    }

    private CpuidEntry entry(int function, int index) {
        for (CpuidEntry e : entries) {
            if (e.function == function && ((e.flags & CpuidEntry.SIGNIFICANT_INDEX) == 0 || e.index == index)) {
                return e;
            }
        }
        return null;
    }

    @Override
    public int[] find(int leaf, int subleaf) {
        CpuidEntry e = entry(leaf, subleaf);
        if (e == null) {
            e = beyond(leaf, subleaf);
        }
        if (e != null) {
            return new int[] {e.eax, e.ebx, e.ecx, e.edx};
        }
        CpuidEntry level = leaf == TOPOLOGY || leaf == TOPOLOGY_2 ? entry(leaf, 1) : null;
        return level == null ? null : new int[] {0, 0, subleaf & 0xFF, level.edx};
    }

    /** Processors of Intel answer a leaf beyond the last as the last basic one. */
    private CpuidEntry beyond(int leaf, int subleaf) {
        CpuidEntry basic = entry(0, 0);
        if (!intel || basic == null) {
            return null;
        }
        boolean hypervisors = leaf >>> 28 == HYPERVISOR >>> 28;
        CpuidEntry range = entry(hypervisors ? leaf & 0xFFFF_FF00 : leaf & EXTENDED, 0);
        boolean inside = range != null && Integer.compareUnsigned(leaf, range.eax) <= 0;
        return inside ? null : entry(basic.eax, subleaf);
    }

    // ---- what the processor supports ----

    /** The answers of a processor that does not run, whose model says what can be chosen. */
    public static List<CpuidEntry> supported(Cpu c) {
        List<CpuidEntry> all = new ArrayList<>();
        for (int range : new int[] {0, HYPERVISOR, EXTENDED}) {
            if (range == HYPERVISOR && !c.has(Feature.HYPERVISOR)) {
                continue;
            }
            int last = CpuId.query(c, range, 0).eax();
            for (int leaf = range; Integer.compareUnsigned(leaf, last) <= 0; leaf++) {
                add(all, c, leaf);
            }
        }
        return all;
    }

    private static void add(List<CpuidEntry> all, Cpu c, int leaf) {
        int subleaves = subleaves(c, leaf);
        for (int i = 0; i < Math.max(1, subleaves); i++) {
            CpuId.Leaf l = CpuId.query(c, leaf, i);
            boolean zero = (l.eax() | l.ebx() | l.ecx() | l.edx()) == 0;
            if (i > 0 && zero) {
                continue;
            }
            CpuidEntry e = new CpuidEntry();
            e.function = leaf;
            e.index = i;
            e.flags = subleaves > 0 ? CpuidEntry.SIGNIFICANT_INDEX : 0;
            e.eax = l.eax();
            e.ebx = l.ebx();
            e.ecx = l.ecx();
            e.edx = l.edx();
            all.add(e);
        }
    }

    /** How many answers a leaf may have; 0 when ECX does not count. */
    private static int subleaves(Cpu c, int leaf) {
        return switch (leaf) {
            case 4, 0x8000_001D -> 8;
            case 7 -> CpuId.query(c, 7, 0).eax() + 1;
            case TOPOLOGY, TOPOLOGY_2 -> 2;
            case 0xD -> Long.SIZE;
            default -> 0;
        };
    }

    /** Entries that say the same, whatever their order. */
    public boolean isSame(GuestCpuid other) {
        return Arrays.equals(sorted(), other.sorted(), Arrays::compare);
    }

    private byte[][] sorted() {
        return entries.stream().map(CpuidEntry::toBytes).sorted(Arrays::compare).toArray(byte[][]::new);
    }
}
