package dev.javisor.processor.vmx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.execution.RandomProgram;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A guest without intercepts sees what it would see on the metal, and its state can be saved at any moment. */
class GuestTest {
    private static final int PROGRAMS = 25, SLICES = 20, RBX = 3;
    /** No control keeps these from exiting; a program that jumps into the middle of its instructions can meet them. */
    private static final Set<ExitReason> ALWAYS_EXIT =
            EnumSet.of(ExitReason.CPUID, ExitReason.INVD, ExitReason.XSETBV, ExitReason.VMCALL);

    private static String[] program(Random random) {
        String[] text = RandomProgram.text(random, CodeSize.BITS64);
        // CPUID exits from every guest
        return Arrays.stream(text).map(line -> line.replace("cpuid", "nop")).toArray(String[]::new);
    }

    private static VmxHost host(Engine engine, String[] text) {
        VmxHost h = new VmxHost(engine, text);
        for (int vector = 0; vector < 32; vector++) {
            h.gate(vector, "next");
        }
        // Random programs expect that the page at 0x50000 is not present. What the metal does not have, they must not find
        // either: random addresses lead there once in ten thousand programs.
        for (long page = VmxHost.BITMAPS; page < VmxHost.RAM / 2; page += 0x1000) {
            if (page < VmxHost.PML4 || page >= VmxHost.EPT) {
                h.memory.write(VmxHost.PML4 + 0x3000 + (page >>> 9), 8, 0);
            }
        }
        h.c.gpr[RBX] = VmxHost.DATA;
        return h;
    }

    private static String state(VmxHost h) {
        StringBuilder s = new StringBuilder();
        for (int r = 0; r < 16; r++) {
            s.append(String.format("%d=%x ", r, h.c.gpr[r]));
        }
        byte[] data = new byte[128];
        h.memory.read(VmxHost.DATA, data, 0, data.length);
        return s.append(String.format(
                        "rip=%x flags=%x cr2=%x time=%d retired=%d %s%n", h.c.rip, Flags.rflags(h.c), h.c.cr2, h.timeline.now(),
                        h.c.retired, HexFormat.of().formatHex(data)))
                .toString();
    }

    private static void run(VmxHost h, long ticks) {
        // the stack would sink with every fault
        h.c.gpr[4] = VmxHost.STACK;
        h.processor.run(h.timeline.now() + ticks);
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void theGuestRunsAsOnTheMetal(Engine engine) {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        System.out.println("GuestTest -Djavisor.seed=" + seed);
        for (int p = 0; p < PROGRAMS; p++) {
            Random random = new Random(seed + p);
            String[] text = program(random);
            VmxHost metal = host(engine, text);
            metal.startOnTheMetal();
            VmxHost guest = host(engine, text).withEpt();
            assertThat(guest.enter()).isTrue();
            for (int slice = 0; slice < SLICES; slice++) {
                int ticks = random.nextInt(1, 400);
                run(metal, ticks);
                run(guest, ticks);
                if (metal.c.activity == Cpu.SHUTDOWN) {
                    assertThat(guest.isInGuest()).isFalse();
                    assertThat(guest.get(VmcsField.EXIT_REASON)).isEqualTo(ExitReason.TRIPLE_FAULT.number);
                    break;
                }
                if (!guest.isInGuest() && ALWAYS_EXIT.contains(ExitReason.of((int) guest.get(VmcsField.EXIT_REASON)))) {
                    break;
                }
                assertThat(state(guest)).as("seed %d, slice %d of %d ticks", seed + p, slice, ticks).isEqualTo(state(metal));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Engine.class)
    void aRestoredGuestGoesOnLikeTheSavedOne(Engine engine) {
        long seed = Long.getLong("javisor.seed", System.nanoTime());
        System.out.println("GuestTest -Djavisor.seed=" + seed);
        int expired = 0;
        for (int p = 0; p < PROGRAMS; p++) {
            Random random = new Random(seed + p);
            String[] text = program(random);
            VmxHost saved = host(engine, text).withEpt().on(VmxControl.ACTIVATE_PREEMPTION_TIMER, VmxControl.SAVE_PREEMPTION_TIMER);
            saved.set(VmcsField.PREEMPTION_TIMER_VALUE, 3000 + random.nextInt(2000) >> VmxCapabilities.PREEMPTION_TIMER_RATE);
            assertThat(saved.enter()).isTrue();
            run(saved, random.nextInt(1, 3000));
            VmxHost restored = restore(engine, saved, text);
            assertThat(state(restored)).as("seed %d", seed + p).isEqualTo(state(saved));
            run(saved, 10_000);
            run(restored, 10_000);
            // some programs halt or triple-fault first
            expired += saved.get(VmcsField.EXIT_REASON) == ExitReason.PREEMPTION_TIMER_EXPIRED.number ? 1 : 0;
            assertThat(restored.get(VmcsField.EXIT_REASON)).isEqualTo(saved.get(VmcsField.EXIT_REASON));
            assertThat(state(restored)).as("seed %d", seed + p).isEqualTo(state(saved));
            assertThat(bytes(restored)).as("seed %d", seed + p).isEqualTo(bytes(saved));
        }
        assertThat(expired).as("programs that the timer ended").isPositive();
    }

    private static byte[] bytes(VmxHost h) {
        StateOutput out = new StateOutput();
        h.processor.save(out);
        return out.toByteArray();
    }

    private static VmxHost restore(Engine engine, VmxHost saved, String[] text) {
        byte[] state = bytes(saved);
        VmxHost h = host(engine, text);
        byte[] memory = new byte[VmxHost.RAM];
        saved.memory.read(0, memory, 0, memory.length);
        h.memory.write(0, memory, 0, memory.length);
        h.timeline.setTime(saved.timeline.now());
        h.processor.load(new StateInput(state));
        return h;
    }
}
