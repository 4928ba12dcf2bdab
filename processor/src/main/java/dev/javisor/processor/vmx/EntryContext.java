package dev.javisor.processor.vmx;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Feature;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmcsText;
import dev.javisor.isa.VmxControl;
import dev.javisor.isa.VmxControl.Word;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.system.ControlRegisters;
import dev.javisor.processor.system.Msrs;
import java.util.Arrays;

/** What the rules of VM entries look at: the current VMCS, the processor that enters, and common terms of the manual. */
final class EntryContext {
    /** Bits of CR0 that may be one ("IA32_VMX_CR0_FIXED1"). */
    static final long CR0_BITS = 0xFFFF_FFFFL;

    /** Bits of CR0 that need not be one in an unrestricted guest. */
    static final long CR0_UNRESTRICTED = Cr.PE | Cr.PG;

    private static final int PAT_TYPES = 0b1111_0011;
    private static final Word[] WORDS = Word.values();
    private static final int FIELDS = VmcsField.values().length;
    /** By word, the fields that say which of its controls are 1. */
    private static final int[][] SOURCES = Arrays.stream(WORDS).map(EntryContext::sources).toArray(int[][]::new);

    final Vmx vmx;
    final Cpu cpu;
    final Vmcs vmcs;
    private final long[] controls = new long[Word.values().length];
    /** The controls that are 1 and that the processor has. */
    private final long[] active = new long[Word.values().length];
    /** All fields, as the entry found them. */
    private final long[] values = new long[FIELDS];

    // What spares most entries most checks: which rules have looked at what, when they were last asked. A rule whose fields have not
    // changed since it held holds still, if it looks at nothing but fields, what is remembered below, and what never changes.

    /** By field, a set of the rules that have ever looked at it. */
    private final long[][] readers = new long[FIELDS][EntryRules.SET];
    /** The rules that must be asked before a guest can be entered. */
    private final long[] due = new long[EntryRules.SET];
    /** The fields that have changed. */
    private final long[] changed = new long[FIELDS + 63 >>> 6];
    /** The rule that is being asked, or -1 for one that nobody keeps count of; and whether it has looked at memory. */
    private int asked = -1;

    private boolean memoryRead;
    private long address = Vmcs.NONE;
    private CpuModel model;
    private boolean longMode, inSmm, v86;
    /** The entry of the VM-entry MSR-load area that is looked at. */
    final MsrLists.Entry msr = new MsrLists.Entry();
    /** People ask, not the processor: memory with side effects is left alone. */
    boolean explaining;

    EntryContext(Vmx vmx) {
        this.vmx = vmx;
        this.cpu = vmx.cpu;
        this.vmcs = vmx.current;
        EntryRules.addAll(due);
    }

    private static int[] sources(Word w) {
        int own = VmcsText.field(w).ordinal();
        return switch (w) {
            case SECONDARY, TERTIARY -> new int[] {own, VmcsField.PRIMARY_CONTROLS.ordinal()};
            case SECONDARY_EXIT -> new int[] {own, VmcsField.EXIT_CONTROLS.ordinal()};
            case PIN_BASED, PRIMARY, EXIT, ENTRY -> new int[] {own};
        };
    }

    /** Reads the current VMCS. */
    void begin() {
        msr.number = 0;
        Arrays.fill(changed, 0);
        vmcs.readAll(values, changed);
        vmx.readControls(controls);
        for (Word w : WORDS) {
            active[w.ordinal()] = controls[w.ordinal()] & vmx.capabilities.allowed1(w);
        }
        boolean guestV86 = (values[VmcsField.GUEST_RFLAGS.ordinal()] & Flags.VM) != 0;
        boolean otherHost = address != vmcs.address() || model != cpu.model || longMode != cpu.longMode() || inSmm != cpu.inSmm;
        if (otherHost || v86 != guestV86) {
            v86 = guestV86;
            address = vmcs.address();
            model = cpu.model;
            longMode = cpu.longMode();
            inSmm = cpu.inSmm;
            EntryRules.addAll(due);
            return;
        }
        for (int word = 0; word < changed.length; word++) {
            for (long left = changed[word]; left != 0; left &= left - 1) {
                long[] concerned = readers[64 * word + Long.numberOfTrailingZeros(left)];
                for (int i = 0; i < concerned.length; i++) {
                    due[i] |= concerned[i];
                }
            }
        }
    }

    /** The rules, as a set, that must be asked. */
    long[] due() {
        return due;
    }

    /** Asks a rule that is due. @param number of the rule in the set */
    boolean holds(EntryRule rule, int number) {
        asked = number;
        memoryRead = false;
        boolean holds = rule.holdsIn(this);
        asked = -1;
        if (holds && !memoryRead) {
            due[number >>> 6] &= ~(1L << number);
        }
        return holds;
    }

    private void lookedAt(int field) {
        readers[field][asked >>> 6] |= 1L << asked;
    }

    long get(VmcsField f) {
        if (asked >= 0) {
            lookedAt(f.ordinal());
        }
        return values[f.ordinal()];
    }

    /** The control is 1, and one that the processor has. */
    boolean on(VmxControl c) {
        int word = c.word.ordinal();
        if (asked >= 0) {
            for (int source : SOURCES[word]) {
                lookedAt(source);
            }
        }
        return (active[word] & c.bit) != 0;
    }

    /** Physical memory, which may be another one at the next entry. */
    PhysicalMemory memory() {
        memoryRead = true;
        return cpu.memory;
    }

    boolean off(VmxControl c) {
        return !on(c);
    }

    void copyControls(long[] target) {
        System.arraycopy(controls, 0, target, 0, controls.length);
    }

    // ---- terms ----

    /** Aligned, and within the physical-address width. @param alignment a power of two, in bytes */
    boolean isAddress(VmcsField f, long alignment) {
        return isAddress(get(f), alignment);
    }

    boolean isAddress(long address, long alignment) {
        return (address & (alignment - 1 | cpu.model.physicalReserved())) == 0;
    }

    boolean isPage(VmcsField f) {
        return isAddress(f, 0x1000);
    }

    /** A list of MSRs is empty, or aligned and all within the physical-address width. */
    boolean isMsrList(VmcsField address, VmcsField count) {
        long n = get(count);
        long a = get(address);
        return n == 0 || isAddress(a, MsrLists.ENTRY_SIZE) && isAddress(a + n * MsrLists.ENTRY_SIZE - 1, 1);
    }

    /** Memory that may be read; where this is false, rules hold. */
    boolean isVisible(long address) {
        return !explaining || memory().hostAddress(address) != 0;
    }

    boolean isCanonical(VmcsField f) {
        return vmx.isCanonical(get(f));
    }

    /** Bits beyond the width of linear addresses are all the same, which is less than canonical. */
    boolean isLinear(VmcsField f) {
        long beyond = get(f) >> cpu.model.linearBits();
        return beyond == 0 || beyond == -1;
    }

    static boolean arePatTypes(long pat) {
        for (int i = 0; i < 64; i += 8) {
            long type = pat >>> i & 0xFF;
            if (type > 7 || (PAT_TYPES >>> type & 1) == 0) {
                return false;
            }
        }
        return true;
    }

    /** Bits of CR3 that may be one. @param wide for IA-32e mode, in which LAM has bits in CR3 */
    long cr3Bits(boolean wide) {
        return ~cpu.model.physicalReserved() | (wide && cpu.has(Feature.LAM) ? Cr.LAM_U48 | Cr.LAM_U57 : 0);
    }

    long eferBits() {
        return ControlRegisters.eferBits(cpu);
    }

    boolean isDebugctl(VmcsField f) {
        return Msrs.isDebugctl(cpu, get(f));
    }

    // ---- the guest that shall be entered ----

    boolean unrestricted() {
        return on(VmxControl.UNRESTRICTED_GUEST);
    }

    boolean ia32e() {
        return on(VmxControl.IA32E_MODE_GUEST);
    }

    /** The guest will be in 64-bit mode. */
    boolean bits64() {
        return ia32e() && (access(Cpu.CS) & Cpu.L) != 0;
    }

    /** Many rules ask this, and RFLAGS changes at each entry: it is a term of its own. */
    boolean v86() {
        return v86;
    }

    boolean guestCr0(long bit) {
        return (get(VmcsField.GUEST_CR0) & bit) != 0;
    }

    boolean guestCr4(long bit) {
        return (get(VmcsField.GUEST_CR4) & bit) != 0;
    }

    boolean paePaging() {
        return guestCr0(Cr.PG) && guestCr4(Cr.PAE) && !ia32e();
    }

    long interruptibility() {
        return get(VmcsField.GUEST_INTERRUPTIBILITY);
    }

    boolean blockedBy(long bits) {
        return (interruptibility() & bits) != 0;
    }

    long activity() {
        return get(VmcsField.GUEST_ACTIVITY);
    }

    long access(int segment) {
        return get(SegmentFields.access(segment));
    }

    boolean usable(int segment) {
        return (access(segment) & Cpu.UNUSABLE) == 0;
    }

    int type(int segment) {
        return (int) access(segment) & 15;
    }

    int dpl(int segment) {
        return (int) access(segment) >>> 5 & 3;
    }

    int rpl(int segment) {
        return (int) get(SegmentFields.selector(segment)) & 3;
    }

    // ---- event injection ----

    long info() {
        return get(VmcsField.ENTRY_INTERRUPTION_INFO);
    }

    boolean injects() {
        return InterruptionInfo.isValid(info());
    }

    boolean injects(int type) {
        return injects() && InterruptionInfo.type(info()) == type;
    }

    int vector() {
        return InterruptionInfo.vector(info());
    }

    /** An error code is to be delivered. */
    boolean injectsErrorCode() {
        return injects() && (info() & InterruptionInfo.ERROR_CODE) != 0;
    }
}
