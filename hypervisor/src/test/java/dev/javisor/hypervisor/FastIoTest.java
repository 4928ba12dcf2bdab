package dev.javisor.hypervisor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.hypervisor.abi.CoalescedMmio;
import dev.javisor.hypervisor.abi.KvmException.Error;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.execution.Engine;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Stores to devices that need no exit: coalesced ones, and those that run an action. */
class FastIoTest {
    @Test
    void coalescedStoresWaitInTheRingInTheirOrder() {
        String[] code = {
            "mov eax, 0x11223344", "mov [0x800010], eax", "out 0x70, al", "mov [0x80001E], eax", "mov [0x800018], ax", "out 0x70, ax", "hlt"
        };
        try (Guest g = Guest.flat(Engine.INTERPRETER, code)) {
            g.vm.registerCoalescedMmio(false, 0x800010, 16);
            g.vm.registerCoalescedMmio(true, 0x70, 1);
            VcpuExit.Mmio leaves = (VcpuExit.Mmio) g.vcpu.run();
            assertThat(leaves.physicalAddress()).as("leaves the zone").isEqualTo(0x80001E);
            List<CoalescedMmio> ring = g.vm.coalescedRing();
            assertThat(ring).extracting(c -> c.physAddr).containsExactly(0x800010L, 0x70L);
            assertThat(ring).extracting(CoalescedMmio::value).containsExactly(0x11223344L, 0x44L);
            assertThat(ring).extracting(c -> c.pio).containsExactly(false, true);
            assertThat(ring.getFirst().toBytes()).hasSize(24);
            assertThat(g.vcpu.run()).as("wider than the zone").isInstanceOf(VcpuExit.Io.class);
            assertThat(g.vm.coalescedRing()).extracting(c -> c.physAddr).containsExactly(0x800018L);
            g.vcpu.run();
            assertThat(g.vm.coalescedRing()).isEmpty();
        }
    }

    @Test
    void aFullRingMakesStoresExit() {
        String[] code = {"mov ecx, 200", "again: mov [0x800000], ecx", "loop again", "hlt"};
        try (Guest g = Guest.flat(Engine.INTERPRETER, code)) {
            g.vm.registerCoalescedMmio(false, 0x800000, 4096);
            VcpuExit.Mmio store = (VcpuExit.Mmio) g.vcpu.run();
            assertThat(store.value()).isEqualTo(30);
            assertThat(g.vm.coalescedRing()).hasSize(170);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(g.vm.coalescedRing()).hasSize(29);
        }
    }

    @Test
    void aZoneThatIsTakenAwayCollectsNothing() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "mov [0x800000], eax", "hlt")) {
            g.vm.registerCoalescedMmio(false, 0x800000, 8);
            g.vm.unregisterCoalescedMmio(false, 0x800000, 8);
            assertThat(g.vcpu.run()).isInstanceOf(VcpuExit.Mmio.class);
            Refusal.of(() -> g.vm.registerCoalescedMmio(false, 0x800000, 0), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.registerCoalescedMmio(true, 0xFFFF, 2), Error.INVALID_ARGUMENT);
        }
    }

    @Test
    void aStoreWithAnActionIsNobodyElses() {
        String[] code = {"mov ax, 7", "out 0x80, ax", "mov al, 8", "out 0x80, al", "mov [0x800000], ax", "mov [0x800000], eax", "hlt"};
        try (Guest g = Guest.flat(Engine.INTERPRETER, code)) {
            List<String> seen = new ArrayList<>();
            g.vm.ioeventfd(true, 0x80, 2, 7L, () -> seen.add("port"));
            g.vm.ioeventfd(false, 0x800000, 0, null, () -> seen.add("memory"));
            VcpuExit.Io other = (VcpuExit.Io) g.vcpu.run();
            assertThat(other.value()).as("another value").isEqualTo(8);
            assertThat(g.vcpu.run()).isEqualTo(new VcpuExit.Hlt());
            assertThat(seen).containsExactly("port", "memory", "memory");
        }
    }

    @Test
    void actionsForTheSameStoreAreRefused() {
        try (Guest g = Guest.flat(Engine.INTERPRETER, "hlt")) {
            g.vm.ioeventfd(true, 0x80, 2, 7L, () -> {});
            g.vm.ioeventfd(true, 0x80, 2, 8L, () -> {});
            Refusal.of(() -> g.vm.ioeventfd(true, 0x80, 2, 7L, () -> {}), Error.ALREADY_EXISTS);
            Refusal.of(() -> g.vm.ioeventfd(true, 0x80, 2, null, () -> {}), Error.ALREADY_EXISTS);
            Refusal.of(() -> g.vm.ioeventfd(true, 0x80, 3, null, () -> {}), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.ioeventfd(true, 0x80, 8, null, () -> {}), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.ioeventfd(false, 0x800000, 0, 1L, () -> {}), Error.INVALID_ARGUMENT);
            Refusal.of(() -> g.vm.removeIoeventfd(true, 0x80, 2, 9L), Error.NOT_FOUND);
            g.vm.removeIoeventfd(true, 0x80, 2, 7L);
            Refusal.of(() -> g.vm.removeIoeventfd(true, 0x80, 2, 7L), Error.NOT_FOUND);
        }
    }
}
