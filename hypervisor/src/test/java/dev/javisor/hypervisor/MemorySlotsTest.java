package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.javisor.hypervisor.abi.KvmException.Error;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.memory.MemorySlots;
import dev.javisor.isa.CodeSize;
import dev.javisor.processor.execution.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MemorySlotsTest {
    private static final long AT = 0x400000;

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment memory = arena.allocate(0x4000, 4096);

    @AfterEach
    void free() {
        arena.close();
    }

    private static long eax(Guest g) {
        return g.vcpu.getRegs().rax;
    }

    @ParameterizedTest
    @EnumSource
    void aSlotCanMoveAndGo(Engine engine) {
        String[] code = {"again: mov eax, [0x400000]", "mov ebx, [0x600000]", "hlt", "jmp again"};
        try (Guest g = Guest.flat(engine, code)) {
            memory.set(ValueLayout.JAVA_INT, 0, 0x1234);
            g.vm.setUserMemoryRegion(1, 0, AT, memory);
            assertThat(g.vcpu.run()).isInstanceOfSatisfying(VcpuExit.Mmio.class, m -> assertThat(m.physicalAddress()).isEqualTo(0x600000));
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(eax(g)).isEqualTo(0x1234);
            g.vm.setUserMemoryRegion(1, 0, 0x600000, memory);
            assertThat(g.vcpu.run()).isInstanceOfSatisfying(VcpuExit.Mmio.class, m -> assertThat(m.physicalAddress()).isEqualTo(AT));
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(g.vcpu.getRegs().rbx).isEqualTo(0x1234);
            g.vm.setUserMemoryRegion(1, 0, 0, null);
            g.vcpu.run();
            assertThat(g.vcpu.run()).isInstanceOfSatisfying(VcpuExit.Mmio.class, m -> assertThat(m.physicalAddress()).isEqualTo(0x600000));
        }
    }

    @Test
    void whoChangesNothingDoesNotDisturbAGuestWhoseTurnHasEnded() {
        String[] code = {"again: mov eax, [ecx]", "add ecx, 4", "and ecx, 0xFFFFF", "jmp again"};
        try (Guest g = Guest.flat(Engine.INTERPRETER, code)) {
            assertThat(g.vcpu.run(2_000_000)).isInstanceOf(VcpuExit.Intr.class);
            var before = g.vcpu.exits();
            g.vm.changeMemory(() -> {});
            assertThat(g.vcpu.run(4_000_000)).isInstanceOf(VcpuExit.Intr.class);
            assertThat(g.vcpu.exits()).isEqualTo(before);
            g.vm.changeMemory(() -> g.vm.setUserMemoryRegion(1, 0, AT, memory));
            assertThat(g.vcpu.exits()).as("it has left the guest").isNotEqualTo(before);
        }
    }

    @ParameterizedTest
    @EnumSource
    void storesToReadOnlyMemoryAreTheCallersAndCodeRunsThere(Engine engine) {
        try (Guest g = Guest.flat(engine, "jmp 0x400000")) {
            MemorySegment rom = memory;
            g.vm.setUserMemoryRegion(1, 0, AT, rom);
            String[] code = {"mov esi, 0x400000", "mov edx, 0x80", "outsb", "mov byte [0x400100], 7", "mov al, [0x400100]", "hlt"};
            g.load(AT, CodeSize.BITS32, code);
            g.vm.setUserMemoryRegion(1, 0, 0, null);
            g.vm.setUserMemoryRegion(1, MemorySlots.READONLY, AT, rom);
            VcpuExit.Io string = (VcpuExit.Io) g.vcpu.run();
            assertThat(string.value()).isEqualTo(0xBE);
            VcpuExit.Mmio store = (VcpuExit.Mmio) g.vcpu.run();
            assertThat(store.isWrite()).isTrue();
            assertThat(store.physicalAddress()).isEqualTo(AT + 0x100);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(eax(g) & 0xFF).isZero();
        }
    }

    @Test
    void anAccessThatLeavesMemoryInItsMiddleIsTwo() {
        String[] code = {"mov eax, [0x403FFE]", "mov dword [0x403FFD], 0x44332211", "hlt"};
        try (Guest g = Guest.flat(Engine.INTERPRETER, code)) {
            g.vm.setUserMemoryRegion(1, 0, AT, memory);
            memory.set(ValueLayout.JAVA_SHORT, 0x3FFE, (short) 0xBBAA);
            long beyond = 0;
            VcpuExit x;
            int stored = 0;
            while ((x = g.vcpu.run()) instanceof VcpuExit.Mmio m) {
                assertThat(m.physicalAddress()).isBetween(0x404000L, 0x404001L);
                if (m.isWrite()) {
                    stored |= (int) m.value() << 8 * (int) (m.physicalAddress() & 1);
                } else {
                    m.setValue(m.length() == 2 ? 0xDDCC : 0xCC + 0x11 * (m.physicalAddress() & 1));
                    beyond += m.length();
                }
            }
            assertThat(x).isEqualTo(new VcpuExit.Hlt());
            assertThat(beyond).isEqualTo(2);
            assertThat(eax(g)).isEqualTo(0xDDCCBBAAL);
            assertThat(stored).isEqualTo(0x44);
            assertThat(memory.get(ValueLayout.JAVA_INT_UNALIGNED, 0x3FFC) >>> 8).isEqualTo(0x332211);
        }
    }

    @Test
    void impossibleSlotsAreRefusedAndNothingChanges() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "mov eax, [0x400000]", "hlt")) {
            memory.set(ValueLayout.JAVA_INT, 0, 0x77);
            g.vm.setUserMemoryRegion(1, 0, AT, memory);
            MemorySegment other = arena.allocate(0x8000, 4096);
            Refusal.of(() -> g.vm.setUserMemoryRegion(2, 0, AT + 0x3000, other), Error.ALREADY_EXISTS);
            Refusal.of(() -> g.vm.setUserMemoryRegion(2, 0, AT - 0x7000, other), Error.ALREADY_EXISTS);
            Refusal.of(() -> g.vm.setUserMemoryRegion(1, 0, AT, other), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(1, 0, AT, other.asSlice(0, 0x4000)), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(1, MemorySlots.READONLY, AT, memory), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(2, 0, 0x800001, other), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(2, 0, 0x800000, other.asSlice(8, 0x1000)), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(2, 0, 0x800000, other.asSlice(0, 0x1008)), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(2, 0, -0x8000, other), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(2, 0, 1L << 52, other), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(2, 4, 0x800000, other), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(-1, 0, 0x800000, other), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(MemorySlots.SLOTS, 0, 0x800000, other), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(2, 0, 0x800000, MemorySegment.ofArray(new byte[0x1000])), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.setUserMemoryRegion(2, 0, 0, null), Error.NOT_FOUND);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(eax(g)).isEqualTo(0x77);
        }
    }

    @Test
    void softwareBesideTheGuestReachesNoDevice() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "mov [0x800000], eax", "hlt")) {
            g.vm.setUserMemoryRegion(1, MemorySlots.READONLY, AT, memory);
            assertThatCode(() -> g.vm.memory().write(AT, 4, 5)).doesNotThrowAnyException();
            assertThat(g.vm.memory().read(AT, 4)).isZero();
            assertThat(g.vm.memory().read(0x800000, 4)).isEqualTo(0xFFFF_FFFFL);
            g.vm.memory().write(0x800000, 4, 5);
            Regs r = g.vcpu.getRegs();
            r.rax = 9;
            g.vcpu.setRegs(r);
            assertThat(g.vcpu.run()).isInstanceOfSatisfying(VcpuExit.Mmio.class, m -> assertThat(m.value()).isEqualTo(9));
        }
    }
}
