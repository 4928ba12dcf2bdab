package dev.javisor.hypervisor.memory;

import dev.javisor.hypervisor.abi.DirtyGfn;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.host.Host;
import dev.javisor.processor.memory.CodeObserver;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;

/** The guest-physical address space of one VM: memory slots, and what lies between them. */
public final class MemorySlots implements CodeObserver {
    /** KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY. */
    public static final int LOG_DIRTY_PAGES = 1, READONLY = 2;

    public static final int PAGE = 4096;
    private static final int PAGE_SHIFT = 12;
    /** Highest slot number, exclusive. */
    public static final int SLOTS = 32764;

    /**
     * A memory slot.
     *
     * @param flags {@link #LOG_DIRTY_PAGES}, {@link #READONLY}
     * @param host host-physical address of its first byte
     */
    public record Slot(int number, int flags, long start, long size, long host, Region backing, DirtyLog log) {
        public boolean isReadOnly() {
            return (flags & READONLY) != 0;
        }

        public boolean contains(long gpa) {
            return Long.compareUnsigned(gpa - start, size) < 0;
        }

        /** Host-physical address of a guest-physical one that the slot holds. */
        public long hostPhysical(long gpa) {
            return host + (gpa - start);
        }

        /** Address of its first byte in the caller's memory. */
        long address() {
            return backing.host + offset();
        }

        /** Position in the region that holds the slot's memory. */
        public long offset() {
            return host - backing.start;
        }
    }

    private final Host host;
    private final MmioHandler devices;
    /** By number, and by address. */
    private final TreeMap<Integer, Slot> slots = new TreeMap<>();
    private List<Slot> byAddress = List.of();
    /** The address space: RAM, and devices for the rest. */
    private final AddressSpace view = new AddressSpace();
    /** As software has it that acts for the guest: pages that are not there are asked for. */
    private final AddressSpace guestView = new AddressSpace();
    private Runnable observer = () -> {};
    private boolean postponed;
    /** Something has changed whose consequences are postponed. */
    private boolean hasChanged;
    private boolean logsBeginSet;
    private boolean rings;
    private DirtyRing writer;
    private PageSource source;

    /** @param devices what answers where there is no memory, and takes stores to read-only memory; offsets are guest-physical */
    public MemorySlots(Host host, MmioHandler devices) {
        this.host = host;
        this.devices = devices;
    }

    private final class AddressSpace {
        final PhysicalMemory memory = new PhysicalMemory();
        private final List<Region> regions = new ArrayList<>();

        AddressSpace() {
            memory.setCodeObserver(MemorySlots.this);
            memory.add(Region.device(0, 1L << 52, new MmioHandler() {
                @Override
                public long read(long offset, int size) {
                    return devices.read(offset, size);
                }

                @Override
                public void write(long offset, int size, long value) {
                    devices.write(offset, size, value);
                }
            }));
        }

        /** @param demanded pages may be missing */
        void setSlots(boolean demanded) {
            regions.forEach(memory::remove);
            regions.clear();
            for (Slot s : byAddress) {
                MmioHandler stores = s.isReadOnly() ? new ReadOnly(s) : s.log != null ? new Logged(s) : null;
                Region r = demanded
                        ? Region.device(s.start, s.size, new Demanded(s, stores == null ? new Plain(s) : stores))
                        : s.backing.slice(s.start, s.offset(), s.size, stores);
                regions.add(r);
                memory.add(r);
            }
        }
    }

    /** Told whenever a slot has moved or gone, so that what was derived from it must go too. */
    public void observe(Runnable changed) {
        observer = changed;
    }

    /** Whether all pages of a slot whose log begins count as stored to. */
    public void setLogsBeginSet(boolean set) {
        logsBeginSet = set;
    }

    /** From here on pages that are stored to go to the ring of the vcpu that stores. */
    public void useRings() {
        rings = true;
    }

    public boolean hasRings() {
        return rings;
    }

    DirtyRing writer() {
        return writer;
    }

    /** Whose stores come from here on; null for nobody's. Returns whose they were. */
    public DirtyRing setWriter(DirtyRing ring) {
        DirtyRing before = writer;
        writer = ring;
        return before;
    }

    /** Pages that userspace has harvested count as not stored to. Returns how many; {@code changed} is told the slots. */
    public int reset(DirtyRing ring, Set<Slot> changed) {
        List<DirtyGfn> pages = ring.takeHarvested();
        for (DirtyGfn g : pages) {
            Slot s = slots.get(g.slot);
            if (s != null && s.log != null && g.offset < s.log.pages()) {
                s.log.clear(g.offset);
                changed.add(s);
            }
        }
        return pages.size();
    }

    /** Where pages come from that are not there; null when all are. */
    public void setSource(PageSource pages) {
        source = pages;
        guestView.setSlots(pages != null);
        observer.run();
    }

    /** Pages may be missing. */
    public boolean hasSource() {
        return source != null;
    }

    /** The page is there; if it is not, its source has been asked for it. */
    public boolean isThere(long page) {
        return source == null || source.request(page);
    }

    /** The guest-physical address space as software in the host reads and writes it. */
    public PhysicalMemory view() {
        return view.memory;
    }

    /**
     * The guest-physical address space as software that acts for the guest reads and writes it. An access to a page that is not there
     * throws {@link MissingPage}.
     */
    public PhysicalMemory guestView() {
        return guestView.memory;
    }

    /** A region of memory of which pages may be missing. */
    public static boolean isDemanded(Region r) {
        return r != null && r.device instanceof Demanded;
    }

    /** Whether a region of either address space is memory that can be stored to. */
    public static boolean isMemory(Region r) {
        return r != null && (r.isMemory() ? !r.readOnly : r.device instanceof Demanded d && !d.slot.isReadOnly());
    }

    public List<Slot> slots() {
        return List.copyOf(slots.values());
    }

    /** The slot that holds a guest-physical address, or null. */
    public Slot find(long gpa) {
        int low = 0;
        int high = byAddress.size() - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            Slot s = byAddress.get(middle);
            if (s.contains(gpa)) {
                return s;
            }
            if (Long.compareUnsigned(s.start, gpa) < 0) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return null;
    }

    /** Host-physical address of a guest-physical one, or -1 where there is no memory. */
    public long hostPhysical(long gpa) {
        Slot s = find(gpa);
        return s == null ? -1 : s.hostPhysical(gpa);
    }

    /** Guest-physical address of a host-physical one, or -1 where there is none. */
    public long guestPhysical(long hpa) {
        for (Slot s : byAddress) {
            if (hpa - s.host >= 0 && hpa - s.host < s.size) {
                return s.start + (hpa - s.host);
            }
        }
        return -1;
    }

    public Slot slot(int number) {
        return slots.get(number);
    }

    /**
     * KVM_SET_USER_MEMORY_REGION: makes, changes or (with a null segment) deletes a slot.
     *
     * @throws KvmException INVALID_ARGUMENT for what KVM does not take, ALREADY_EXISTS for an overlap, NOT_FOUND for deleting nothing
     */
    public void set(int number, int flags, long start, MemorySegment memory) {
        if (number < 0 || number >= SLOTS) {
            throw KvmException.invalid("memory slots are numbered 0 to " + (SLOTS - 1) + ", not " + number);
        }
        if ((flags & ~(LOG_DIRTY_PAGES | READONLY)) != 0) {
            throw KvmException.invalid("unknown flags of a memory slot: " + flags);
        }
        if (memory == null || memory.byteSize() == 0) {
            delete(number);
            return;
        }
        check(number, flags, start, memory);
        Region backing = host.pin(memory);
        long at = backing.start + (memory.address() - backing.host);
        boolean logs = (flags & LOG_DIRTY_PAGES) != 0;
        Slot old = slots.get(number);
        DirtyLog kept = old == null ? null : old.log;
        DirtyLog log = !logs ? null : kept != null ? kept : new DirtyLog(this, number, memory.byteSize() / PAGE, logsBeginSet);
        slots.put(number, new Slot(number, flags, start, memory.byteSize(), at, backing, log));
        changed();
    }

    private void delete(int number) {
        if (slots.remove(number) == null) {
            throw new KvmException(KvmException.Error.NOT_FOUND, "there is no memory slot " + number);
        }
        changed();
    }

    private void check(int number, int flags, long start, MemorySegment memory) {
        long size = memory.byteSize();
        if (!memory.isNative()) {
            throw KvmException.invalid("guest memory must be native memory");
        }
        if (((start | size | memory.address()) & PAGE - 1) != 0) {
            throw KvmException.invalid("guest memory must consist of whole pages");
        }
        if (start < 0 || start + size > 1L << host.model().physicalBits() || start + size < start) {
            throw KvmException.invalid("memory slot " + number + " leaves the physical-address space");
        }
        for (Slot s : slots.values()) {
            if (s.number != number && start < s.start + s.size && s.start < start + size) {
                throw new KvmException(KvmException.Error.ALREADY_EXISTS, "memory slot " + number + " overlaps slot " + s.number);
            }
        }
        Slot old = slots.get(number);
        if (old != null && !(old.size == size && ((old.flags ^ flags) & READONLY) == 0 && old.address() == memory.address())) {
            throw KvmException.invalid("memory slot " + number + " must be deleted before its memory, its size or READONLY changes");
        }
    }

    /** Several changes, whose consequences are drawn once. */
    public void together(Runnable changes) {
        postponed = true;
        try {
            changes.run();
        } finally {
            postponed = false;
            if (hasChanged) {
                changed();
            }
        }
    }

    private void changed() {
        hasChanged = postponed;
        if (postponed) {
            return;
        }
        byAddress = slots.values().stream().sorted(Comparator.comparingLong(Slot::start)).toList();
        view.setSlots(false);
        guestView.setSlots(source != null);
        observer.run();
    }

    /** Stores go where devices are. */
    private final class ReadOnly implements MmioHandler {
        private final Slot slot;

        ReadOnly(Slot slot) {
            this.slot = slot;
        }

        @Override
        public long read(long offset, int size) {
            return host.memory().read(slot.host + offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            devices.write(slot.start + offset, size, value);
        }
    }

    /** Stores by software are logged as those of the hardware are. */
    private final class Logged implements MmioHandler {
        private final Slot slot;

        Logged(Slot slot) {
            this.slot = slot;
        }

        @Override
        public long read(long offset, int size) {
            return host.memory().read(slot.host + offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            slot.log.mark(offset >>> PAGE_SHIFT);
            host.memory().write(slot.host + offset, size, value);
        }
    }

    private final class Plain implements MmioHandler {
        private final Slot slot;

        Plain(Slot slot) {
            this.slot = slot;
        }

        @Override
        public long read(long offset, int size) {
            return host.memory().read(slot.host + offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            host.memory().write(slot.host + offset, size, value);
        }
    }

    /** Memory of which pages may be missing. */
    private final class Demanded implements MmioHandler {
        private final Slot slot;
        private final MmioHandler memory;

        Demanded(Slot slot, MmioHandler memory) {
            this.slot = slot;
            this.memory = memory;
        }

        @Override
        public boolean takesTime() {
            return false;
        }

        private void check(long offset) {
            long page = slot.start + offset & -PAGE;
            if (!isThere(page)) {
                throw new MissingPage(page);
            }
        }

        @Override
        public long read(long offset, int size) {
            check(offset);
            check(offset + size - 1);
            return memory.read(offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            check(offset);
            check(offset + size - 1);
            memory.write(offset, size, value);
        }
    }

    // ---- code in guest memory, for whoever writes to it without the processor ----

    @Override
    public boolean holdsCode(long gpa, int size) {
        Slot s = find(gpa);
        return s != null && host.code().holdsCode(s.hostPhysical(gpa), size);
    }

    @Override
    public void codeChanging(long gpa, int size) {
        Slot s = find(gpa);
        if (s != null) {
            host.code().codeChanging(s.hostPhysical(gpa), size);
        }
    }
}
