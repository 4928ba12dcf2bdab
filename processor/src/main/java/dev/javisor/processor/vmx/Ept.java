package dev.javisor.processor.vmx;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.SecondLevel;
import dev.javisor.processor.core.Translation;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.paging.AccessRights;
import java.util.Arrays;

/** Extended page tables: from guest-physical to physical addresses ("The Extended Page Table Mechanism (EPT)"). */
final class Ept implements SecondLevel {
    // Entries
    private static final long R = 1, W = 2, X = 4, MEMORY_TYPE = 0x38, LEAF = 0x80, ACCESSED = 0x100, DIRTY = 0x200, USER_X = 0x400;
    private static final long FRAME = 0x000F_FFFF_FFFF_F000L, SUPPRESS_VE = 1L << 63;
    private static final long RESERVED_TABLE = 0x78;

    // Exit qualification
    private static final long READ = 1, WRITE = 2, FETCH = 4, LINEAR_VALID = 1 << 7, FINAL = 1 << 8, USER = 1 << 9, WRITABLE_PAGE = 1 << 10,
            NO_EXECUTE = 1 << 11;
    private static final int RIGHTS_SHIFT = 3;

    /** Pages of paging structures whose mappings are kept; a power of two. */
    private static final int STRUCTURES = 256;
    /** A mapping that may be written through; no mapping. */
    private static final long FOR_WRITES = 1, NONE = -1;

    private static final int PML_ENTRIES = 512, EPTP_LIST_ENTRIES = 512;

    // Virtualization-exception information area
    private static final int VE_REASON = 0, VE_BUSY = 4, VE_QUALIFICATION = 8, VE_LINEAR = 16, VE_PHYSICAL = 24, VE_INDEX = 32;

    private final Vmx vmx;
    private final PhysicalMemory memory;
    private long root;
    private int levels;
    private boolean accessedAndDirty, modeBased;

    /** "Guest-physical mappings" of the guest's paging structures, by page: kept until translations are invalidated. */
    private final long[] structures = new long[STRUCTURES], mappings = new long[STRUCTURES];

    private long mappingsTag, mappingsFlushes = -1;

    // The entries of the last walk, by level.
    private final long[] address = new long[6];
    private final long[] entry = new long[6];

    Ept(Vmx vmx) {
        this.vmx = vmx;
        this.memory = vmx.cpu.memory;
    }

    /** Uses the EPT pointer of the current VMCS from here on. */
    void begin() {
        long pointer = vmx.current.get(VmcsField.EPT_POINTER);
        root = pointer & FRAME;
        levels = EptPointer.levels(pointer);
        accessedAndDirty = (pointer & EptPointer.ACCESSED_AND_DIRTY) != 0;
        modeBased = vmx.nonRoot.on(VmxControl.MODE_BASED_EXECUTE_CONTROL);
    }

    /** What tells translations through these tables from others: root, levels, accessed and dirty flags, mode-based execute control. */
    long tag() {
        return root | (accessedAndDirty ? 1 : 0) | (modeBased ? 2 : 0) | (long) levels << 2;
    }

    /** VM function 0. @return false when it exits instead */
    boolean switchPointer(long index) {
        if (index >= EPTP_LIST_ENTRIES) {
            return false;
        }
        long pointer = memory.read(vmx.current.get(VmcsField.EPTP_LIST_ADDRESS) + 8 * index, 8);
        if (!EptPointer.isValid(vmx, pointer)) {
            return false;
        }
        vmx.current.set(VmcsField.EPT_POINTER, pointer);
        if (vmx.capabilities.has(VmxControl.EPT_VIOLATION_VE)) {
            vmx.current.set(VmcsField.EPTP_INDEX, index);
        }
        vmx.cpu.suspendTranslations();
        begin();
        vmx.resumeTranslations();
        return true;
    }

    // ---- what guest paging asks ----

    @Override
    public long structure(Cpu c, long gpa, long linear, boolean write) {
        boolean writes = write || accessedAndDirty;
        long page = gpa & ~0xFFFL;
        int place = place(gpa);
        if (c.tlb.flushes != mappingsFlushes || tag() != mappingsTag) {
            mappingsFlushes = c.tlb.flushes;
            mappingsTag = tag();
            Arrays.fill(structures, NONE);
        }
        if (structures[place] != page || writes && (mappings[place] & FOR_WRITES) == 0) {
            structures[place] = NONE;
            mappings[place] = translate(gpa, linear, writes ? READ | WRITE : READ, LINEAR_VALID, false) & FRAME | (writes ? FOR_WRITES : 0);
            structures[place] = page;
        }
        return outsideApic(mappings[place] & FRAME | gpa & 0xFFF);
    }

    private static int place(long gpa) {
        return (int) (gpa >>> 12) & STRUCTURES - 1;
    }

    @Override
    public long pointer(Cpu c, long gpa) {
        return outsideApic(translate(gpa, 0, accessedAndDirty ? READ | WRITE : READ, 0, false) & FRAME | gpa & 0xFFF);
    }

    /** "Guest-Physical Accesses to the APIC-Access Page": they are never virtualized. */
    private long outsideApic(long physical) {
        if ((physical & ~0xFFFL) == vmx.cpu.apicAccessPage) {
            throw vmx.nonRoot.apic.guestPhysicalExit((int) physical & 0xFFF);
        }
        return physical;
    }

    @Override
    public long page(Cpu c, long gpa, long linear, int access, int rights) {
        boolean user = (rights & AccessRights.USER) != 0;
        long kind = (access & Translation.FETCH) != 0 ? FETCH : (access & Translation.WRITE) != 0 ? WRITE : READ;
        long information = LINEAR_VALID
                | FINAL
                | (user ? USER : 0)
                | ((rights & AccessRights.WRITABLE) != 0 ? WRITABLE_PAGE : 0)
                | ((rights & AccessRights.EXECUTE_DISABLE) != 0 ? NO_EXECUTE : 0);
        return translate(gpa, linear, kind, information, user);
    }

    // ---- the walk ----

    /**
     * @param kind {@link #READ}, {@link #WRITE}, {@link #FETCH}: what the access needs
     * @param information of the exit qualification, beside kind and rights
     * @param user the linear address is a user-mode address
     * @return physical page, and what may be done there without asking again
     */
    private long translate(long gpa, long linear, long kind, long information, boolean user) {
        long rights = R | W | X | USER_X;
        long table = root;
        int level = levels;
        if (gpa >>> 12 + 9 * levels != 0) {
            throw violation(gpa, linear, kind, information, 0, 0);
        }
        for (; ; level--) {
            long a = table + (gpa >>> 9 * level & 0xFF8);
            long e = memory.read(a, 8);
            address[level] = a;
            entry[level] = e;
            if ((e & (R | W | X | (modeBased ? USER_X : 0))) == 0) {
                throw violation(gpa, linear, kind, information, 0, e);
            }
            boolean leaf = level == 1 || level <= 3 && (e & LEAF) != 0;
            if (isMisconfigured(e, level, leaf)) {
                int length = vmx.nonRoot.runningLength();
                VmExit exit = vmx.nonRoot.exit.of(ExitReason.EPT_MISCONFIGURATION, 0);
                exit.guestPhysical = gpa;
                exit.hasGuestPhysical = true;
                exit.faultLike = true;
                exit.instructionLength = length;
                throw exit;
            }
            rights &= e;
            if (leaf) {
                break;
            }
            table = e & FRAME;
        }
        long execute = modeBased && user ? USER_X : X;
        boolean allowed = ((kind & READ) == 0 || (rights & R) != 0)
                && ((kind & WRITE) == 0 || (rights & W) != 0)
                && ((kind & FETCH) == 0 || (rights & execute) != 0);
        if (!allowed) {
            throw violation(gpa, linear, kind, information, rights, entry[level]);
        }
        if (accessedAndDirty) {
            mark(level, gpa, (kind & WRITE) != 0);
        }
        long offset = (1L << 3 + 9 * level) - 1;
        long page = entry[level] & FRAME & ~offset | gpa & offset & ~0xFFFL;
        boolean writable = (rights & W) != 0 && (!accessedAndDirty || (entry[level] & DIRTY) != 0);
        return page
                | ((rights & R) != 0 ? READABLE : 0)
                | (writable ? WRITABLE : 0)
                | ((rights & execute) != 0 ? EXECUTABLE : 0);
    }

    private boolean isMisconfigured(long e, int level, boolean leaf) {
        if ((e & (R | W)) == W) {
            return true;
        }
        // execute-only translations are supported
        if ((e & FRAME & vmx.cpu.model.physicalReserved()) != 0) {
            return true;
        }
        if (leaf) {
            long type = (e & MEMORY_TYPE) >>> 3;
            long low = level == 1 ? 0 : (1L << 3 + 9 * level) - 0x1000;
            return type == 2 || type == 3 || type == 7 || (e & low) != 0;
        }
        return (e & (level >= 4 ? RESERVED_TABLE | LEAF : RESERVED_TABLE)) != 0;
    }

    /** Sets accessed and dirty flags, and logs the page that becomes dirty. */
    private void mark(int leaf, long gpa, boolean write) {
        if (write && (entry[leaf] & DIRTY) == 0 && vmx.nonRoot.on(VmxControl.ENABLE_PML)) {
            log(gpa);
        }
        for (int level = levels; level >= leaf; level--) {
            long set = level == leaf && write ? ACCESSED | DIRTY : ACCESSED;
            if ((entry[level] & set) != set) {
                entry[level] |= set;
                memory.write(address[level], 8, entry[level]);
            }
        }
    }

    /** "Page-Modification Logging". */
    private void log(long gpa) {
        long index = vmx.current.get(VmcsField.PML_INDEX);
        if (index >= PML_ENTRIES) {
            int length = vmx.nonRoot.runningLength();
            VmExit exit = vmx.nonRoot.exit.of(ExitReason.PAGE_MODIFICATION_LOG_FULL, 0);
            exit.faultLike = true;
            exit.instructionLength = length;
            throw exit;
        }
        memory.write(vmx.current.get(VmcsField.PML_ADDRESS) + 8 * index, 8, gpa & ~0xFFFL);
        vmx.current.set(VmcsField.PML_INDEX, index - 1);
    }

    // ---- violations ----

    private GuestFault violation(long gpa, long linear, long kind, long information, long rights, long last) {
        if ((information & LINEAR_VALID) != 0) {
            vmx.cpu.invalidatePage(linear);
        }
        structures[place(gpa)] = NONE;
        long qualification = kind | information | (rights & (R | W | X)) << RIGHTS_SHIFT
                | (modeBased && (rights & USER_X) != 0 ? 1 << 6 : 0);
        if (isConvertible(last)) {
            recordException(qualification, linear, gpa);
            return new GuestFault(Event.exception(Event.VE));
        }
        int length = vmx.nonRoot.runningLength();
        VmExit exit = vmx.nonRoot.exit.of(ExitReason.EPT_VIOLATION, qualification);
        exit.guestPhysical = gpa;
        exit.hasGuestPhysical = true;
        exit.linear = linear;
        exit.hasLinear = (information & LINEAR_VALID) != 0;
        exit.faultLike = true;
        exit.instructionLength = length;
        return exit;
    }

    /** "Virtualization Exceptions": the violation becomes an exception of the guest. */
    private boolean isConvertible(long last) {
        Cpu c = vmx.cpu;
        return vmx.nonRoot.on(VmxControl.EPT_VIOLATION_VE)
                && (last & SUPPRESS_VE) == 0
                && c.protectedMode()
                && c.delivering == null
                && memory.read(vmx.current.get(VmcsField.VE_INFORMATION_ADDRESS) + VE_BUSY, 4) == 0;
    }

    private void recordException(long qualification, long linear, long gpa) {
        long area = vmx.current.get(VmcsField.VE_INFORMATION_ADDRESS);
        memory.write(area + VE_REASON, 4, ExitReason.EPT_VIOLATION.number);
        memory.write(area + VE_BUSY, 4, 0xFFFF_FFFFL);
        memory.write(area + VE_QUALIFICATION, 8, qualification);
        memory.write(area + VE_LINEAR, 8, linear);
        memory.write(area + VE_PHYSICAL, 8, gpa);
        memory.write(area + VE_INDEX, 2, vmx.current.get(VmcsField.EPTP_INDEX));
    }
}
