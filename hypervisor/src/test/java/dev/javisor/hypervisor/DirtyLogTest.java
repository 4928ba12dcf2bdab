package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.KvmException.Error;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.processor.execution.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DirtyLogTest {
    private static final long LOGGED = 0x400000;
    private static final int PAGES = 1024;

    /** Stores to every second page of the slot, and loads from the others. */
    private static final String[] CODE = {
        "again: mov edi, 0x400000", "mov ecx, 512", "page: mov [edi+4], ecx", "mov eax, [edi+0x1000]", "add edi, 0x2000", "loop page",
        "hlt", "jmp again"
    };

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatIsStoredToIsLoggedEachTime(boolean pml) {
        try (Arena arena = Arena.ofConfined(); Guest g = Guest.flat(Engine.INTERPRETER, CODE)) {
            MemorySegment memory = arena.allocate(PAGES * 4096L, 4096);
            g.vm.setPageModificationLogging(pml);
            g.vm.setUserMemoryRegion(1, MemorySlots.LOG_DIRTY_PAGES, LOGGED, memory);
            BitSet expected = new BitSet();
            for (int i = 0; i < PAGES; i += 2) {
                expected.set(i);
            }
            for (int round = 0; round < 3; round++) {
                assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
                assertThat(BitSet.valueOf(g.vm.getDirtyLog(1))).isEqualTo(expected);
                assertThat(BitSet.valueOf(g.vm.getDirtyLog(1)).isEmpty()).isTrue();
            }
        }
    }

    /** Stores of the hardware and of emulated instructions, accessed and dirty flags in page tables, and a store over a page boundary. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theLogIsExact(boolean pml) {
        String[] code = {
            "mov edi, 0x400000", "mov dx, 0x60", "insb", "mov dword [0x401FFE], 5", "mov eax, [0x404000]", "mov eax, 0x408000",
            "mov dword [0x800000], 1", "hlt"
        };
        try (Arena arena = Arena.ofConfined(); Guest g = Guest.flat(Engine.INTERPRETER, code)) {
            MemorySegment memory = arena.allocate(PAGES * 4096L, 4096);
            g.vm.setPageModificationLogging(pml);
            g.vm.setUserMemoryRegion(1, MemorySlots.LOG_DIRTY_PAGES, LOGGED, memory);
            // a page directory of the guest's, in the logged slot
            g.vm.memory().write(LOGGED + 0x10000, 8, 0x87);
            memory.set(ValueLayout.JAVA_INT, 0x10000 + 4, 0x0040_0087);
            g.vm.getDirtyLog(1);
            for (int i = 0; i < 3; i++) {
                memory.set(ValueLayout.JAVA_INT, 0x10000 + 4 * i, 0x40_0000 * i | 0x87);
            }
            Sregs s = g.vcpu.getSregs();
            s.cr3 = LOGGED + 0x10000;
            s.cr4 = 0x10;
            s.cr0 |= 0x8000_0000L;
            g.vcpu.setSregs(s);
            VcpuExit.Io in = (VcpuExit.Io) g.vcpu.run();
            in.setValue(1);
            assertThat(g.vcpu.run()).isInstanceOf(VcpuExit.Mmio.class);
            assertThat(BitSet.valueOf(g.vm.getDirtyLog(1)).stream()).containsExactly(0, 1, 2, 16);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            // With accessed and dirty flags for EPT a processor treats reads of the guest's paging structures as writes.
            assertThat(BitSet.valueOf(g.vm.getDirtyLog(1)).stream().filter(page -> !pml || page != 16)).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aLogThatIsClearedByHandStaysUntilThen(boolean pml) {
        try (Arena arena = Arena.ofConfined(); Guest g = Guest.flat(Engine.INTERPRETER, CODE)) {
            g.vm.setPageModificationLogging(pml);
            g.vm.setManualDirtyLogProtection(true, false);
            g.vm.setUserMemoryRegion(1, MemorySlots.LOG_DIRTY_PAGES, LOGGED, arena.allocate(PAGES * 4096L, 4096));
            g.vcpu.run();
            long[] first = g.vm.getDirtyLog(1);
            assertThat(first).isEqualTo(g.vm.getDirtyLog(1)).contains(0x5555_5555_5555_5555L);
            g.vm.clearDirtyLog(1, 64, 64, new long[] {1});
            assertThat(BitSet.valueOf(g.vm.getDirtyLog(1)).get(64)).isFalse();
            assertThat(BitSet.valueOf(g.vm.getDirtyLog(1)).cardinality()).isEqualTo(PAGES / 2 - 1);
            g.vcpu.run();
            assertThat(g.vm.getDirtyLog(1)).isEqualTo(first);
        }
    }

    @Test
    void withLogsThatBeginSetAllPagesCountAsStoredTo() {
        try (Arena arena = Arena.ofConfined(); Guest g = Guest.flat(Engine.INTERPRETER, CODE)) {
            g.vm.setManualDirtyLogProtection(true, true);
            g.vm.setUserMemoryRegion(1, MemorySlots.LOG_DIRTY_PAGES, LOGGED, arena.allocate(70 * 4096L, 4096));
            assertThat(g.vm.getDirtyLog(1)).containsExactly(-1L, 0x3FL);
            g.vm.clearDirtyLog(1, 64, 6, new long[] {-1});
            assertThat(g.vm.getDirtyLog(1)).containsExactly(-1L, 0L);
        }
    }

    @Test
    void rangesThatTheLogDoesNotHaveAreRefused() {
        try (Arena arena = Arena.ofConfined(); Guest g = Guest.flat(Engine.INTERPRETER, CODE)) {
            g.vm.setUserMemoryRegion(1, MemorySlots.LOG_DIRTY_PAGES, LOGGED, arena.allocate(70 * 4096L, 4096));
            long[][] bad = {{1, 64}, {0, 63}, {0, 128}, {64, 64}, {-64, 64}, {0, 0}, {64, -1}};
            for (long[] range : bad) {
                Refusal.of(() -> g.vm.clearDirtyLog(1, range[0], range[1], new long[1]), Error.INVALID_ARGUMENT);
            }
            Refusal.of(() -> g.vm.clearDirtyLog(1, 0, 64, new long[2]), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.clearDirtyLog(0, 0, 64, new long[1]), Error.NOT_FOUND);
            Refusal.of(() -> g.vm.getDirtyLog(0), Error.NOT_FOUND);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void pagesThatAreMappedAlreadyExitOnlyWithoutPageModificationLog(boolean pml) {
        try (Arena arena = Arena.ofConfined(); Guest g = Guest.flat(Engine.INTERPRETER, CODE)) {
            g.vm.setPageModificationLogging(pml);
            g.vm.setUserMemoryRegion(1, MemorySlots.LOG_DIRTY_PAGES, LOGGED, arena.allocate(PAGES * 4096L, 4096));
            g.vcpu.run();
            g.vm.getDirtyLog(1);
            long before = g.vcpu.exits().get("EPT violation");
            g.vcpu.run();
            assertThat(g.vcpu.exits().get("EPT violation") - before).isEqualTo(pml ? 0 : PAGES / 2);
        }
    }

    private static final long RING = 1024 * 16;

    private static Stream<Long> pages(Guest g) {
        return g.vcpu.harvestDirtyRing().stream().map(page -> page.offset);
    }

    /** Each page is in the ring once, until userspace says that it has been looked at. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aRingHoldsWhatIsStoredToInItsOrder(boolean pml) {
        Consumer<Vm> ring = vm -> vm.enableCap(Capability.DIRTY_LOG_RING, RING);
        String[] code = {
            "again: mov edi, 0x405000", "mov [edi], edi", "mov [edi-0x3000], edi", "mov [edi], edi", "mov dx, 0x60", "add edi, 0x2000",
            "insb", "hlt", "jmp again"
        };
        try (Arena arena = Arena.ofConfined(); Guest g = Guest.flatWithHandler(ring, new String[] {"iretd"}, code)) {
            g.vm.setPageModificationLogging(pml);
            g.vm.setUserMemoryRegion(1, MemorySlots.LOG_DIRTY_PAGES, LOGGED, arena.allocate(PAGES * 4096L, 4096));
            Refusal.of(() -> g.vm.getDirtyLog(1), Error.NO_DEVICE);
            for (int round = 0; round < 3; round++) {
                assertThat(g.vcpu.run()).isInstanceOf(VcpuExit.Io.class);
                assertThat(pages(g)).containsExactlyInAnyOrder(5L, 2L);
                assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
                assertThat(pages(g)).as("by the emulator").containsExactly(7L);
                g.vm.memory().write(LOGGED, 8, 1);
                assertThat(g.vm.resetDirtyRings()).isEqualTo(3);
                assertThat(g.vm.resetDirtyRings()).isZero();
            }
            assertThat(g.vcpu.run()).isInstanceOf(VcpuExit.Io.class);
            pages(g);
            g.vm.resetDirtyRings();
            g.vm.setUserMemoryRegion(1, 0, 0, null);
            assertThat(g.vm.resetDirtyRings()).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aFullRingStopsTheGuest(boolean pml) {
        Consumer<Vm> ring = vm -> vm.enableCap(Capability.DIRTY_LOG_RING_ACQ_REL, RING);
        String[] code = {"mov edi, 0x400000", "page: mov [edi], edi", "add edi, 0x1000", "cmp edi, 0x800000", "jb page", "hlt"};
        try (Arena arena = Arena.ofConfined(); Guest g = Guest.flatWithHandler(ring, new String[] {"iretd"}, code)) {
            g.vm.setPageModificationLogging(pml);
            g.vm.setUserMemoryRegion(1, MemorySlots.LOG_DIRTY_PAGES, LOGGED, arena.allocate(PAGES * 4096L, 4096));
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.DirtyRingFull());
            assertThat(g.vcpu.run()).as("still").isEqualTo(new VcpuExit.DirtyRingFull());
            List<Long> seen = new ArrayList<>(pages(g).toList());
            assertThat(seen).hasSizeBetween(1, 1024);
            assertThat(g.vcpu.run()).as("harvested, but not reset").isEqualTo(new VcpuExit.DirtyRingFull());
            assertThat(g.vm.resetDirtyRings()).isEqualTo(seen.size());
            VcpuExit x = g.vcpu.run();
            while (x instanceof VcpuExit.DirtyRingFull) {
                seen.addAll(pages(g).toList());
                g.vm.resetDirtyRings();
                x = g.vcpu.run();
            }
            seen.addAll(pages(g).toList());
            assertThat(x).isEqualTo(new VcpuExit.Hlt());
            assertThat(new HashSet<>(seen)).as("nothing is lost").hasSize(PAGES);
        }
    }

    @Test
    void impossibleRingsAreRefused() {
        try (Kvm kvm = Kvm.open()) {
            Vm vm = kvm.createVm();
            assertThat(vm.checkExtension(Capability.DIRTY_LOG_RING)).isEqualTo(65536 * 16);
            for (long bytes : new long[] {0, -1, 4096, 3 << 14, Long.MIN_VALUE}) {
                Refusal.of(() -> vm.enableCap(Capability.DIRTY_LOG_RING, bytes), Error.INVALID_ARGUMENT);
            }
            Refusal.of(() -> vm.enableCap(Capability.DIRTY_LOG_RING, 1 << 21), Error.TOO_BIG);
            Refusal.of(vm::resetDirtyRings, Error.INVALID_ARGUMENT);
            Refusal.of(() -> vm.createVcpu(0).harvestDirtyRing(), Error.NO_DEVICE);
        }
    }
}
