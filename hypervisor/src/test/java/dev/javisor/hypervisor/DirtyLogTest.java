package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.processor.execution.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
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
}
