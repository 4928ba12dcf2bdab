package dev.javisor.conformance.fuzz;

import dev.javisor.hypervisor.Kvm;
import dev.javisor.hypervisor.Vcpu;
import dev.javisor.hypervisor.Vm;
import dev.javisor.hypervisor.abi.Capability;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.Struct;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.isa.CpuModels;
import dev.javisor.processor.core.Timeline;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.state.StateOutput;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32;

/** A virtual machine with random interrupt controllers and vcpus, whose guests run nonsense. */
final class ApiWorld implements AutoCloseable {
    private static final int MEMORY = 0x40000, PAGE = 4096, TURN = 500, MOST_EXITS = 40;
    private static final int LEGACY = 3;
    private static final String[] MODELS = {"max-intel", "max-amd", "max-intel,kvm=on", "skylake-server", "epyc-genoa"};
    private static final List<Capability> EARLY = List.of(
            Capability.X86_DISABLE_EXITS, Capability.X86_BUS_LOCK_EXIT, Capability.X86_NOTIFY_VMEXIT, Capability.DIRTY_LOG_RING);
    private static final long[] NUMBERS = {
        0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 0x7F, 0x80, 0xFF, 0x100, 0x1000, 0xFFFF, 0x10000, 0x7FFF_FFFF, 0x8000_0000L,
        0xFFFF_FFFFL, 0x1_0000_0000L, 1L << 47, -1L << 47, 1L << 52, Long.MAX_VALUE, Long.MIN_VALUE, -1, -4096, 0xFEE0_0000L, 0xFEC0_0000L
    };

    final SplittableRandom random;
    final Arena arena = Arena.ofConfined();
    final Kvm kvm;
    final Vm vm;
    final MemorySegment ram = arena.allocate(MEMORY, PAGE);

    ApiWorld(SplittableRandom random) {
        this.random = random;
        Engine[] engines = Engine.values();
        String model = MODELS[random.nextInt(MODELS.length)];
        kvm = Kvm.open(CpuModels.parse(model), new Timeline(), engines[random.nextInt(engines.length)]);
        vm = kvm.createVm();
        switch (random.nextInt(LEGACY + 1)) {
            case 0 -> { }
            case 1 -> vm.createLocalApics(() -> 0xFF);
            case 2 -> vm.createIrqchip();
            default -> {
                vm.createIrqchip();
                vm.createPit2(Vm.PIT_SPEAKER_DUMMY);
            }
        }
        for (Capability c : EARLY) {
            if (random.nextInt(6) == 0) {
                attempt(() -> vm.enableCap(c, random.nextInt(4) == 0 ? number() : arguments(c)));
            }
        }
        attempt(() -> vm.setBootCpuId(random.nextInt(8) - 4));
        vm.setForcedEmulation(random.nextBoolean());
        vm.setApicVirtualization(random.nextBoolean());
        vm.setUserMemoryRegion(0, random.nextInt(2), 0, ram);
        int bits = List.of(16, 32, 64).get(random.nextInt(3));
        byte[] code = new RandomCode(random, kvm.model(), bits).bytes(MEMORY / 2);
        vm.memory().write(MEMORY / 4, code, 0, code.length);
        for (int n = random.nextInt(1, 3); n > 0; n--) {
            start(vm.createVcpu(n - 1), bits);
        }
    }

    private static long arguments(Capability c) {
        return switch (c) {
            case X86_NOTIFY_VMEXIT -> 1000L << 32 | Capability.NOTIFY_VMEXIT_ALL;
            case DIRTY_LOG_RING -> 1 << 14;
            default -> 2;
        };
    }

    private static void attempt(Runnable call) {
        try {
            call.run();
        } catch (KvmException refused) {
            // It was nonsense.
        }
    }

    private void start(Vcpu v, int bits) {
        Sregs s = v.getSregs();
        for (Segment x : new Segment[] {s.cs, s.ds, s.es, s.fs, s.gs, s.ss}) {
            x.base = 0;
            x.selector = x == s.cs ? 8 : 16;
            if (bits != 16) {
                x.limit = -1;
                x.g = 1;
                x.db = bits == 64 && x == s.cs ? 0 : 1;
                x.l = bits == 64 && x == s.cs ? 1 : 0;
                x.type = x == s.cs ? 11 : 3;
            }
        }
        if (bits != 16) {
            s.cr0 |= 1;
        }
        if (bits == 64) {
            vm.memory().write(0x1000, 8, 0x2007);
            vm.memory().write(0x2000, 8, 0x87);
            s.cr3 = 0x1000;
            s.cr4 = 0x620;
            s.cr0 |= 0x8000_0000L;
            s.efer = 0xD01;
        }
        v.setSregs(s);
        Regs r = v.getRegs();
        r.rip = MEMORY / 4;
        r.rsp = 0x8000;
        v.setRegs(r);
        v.setSeed(random.nextLong());
    }

    Vcpu vcpu() {
        List<Vcpu> all = vm.vcpus();
        return all.get(random.nextInt(all.size()));
    }

    // ---- arguments ----

    /** A number that means something, or not. */
    long number() {
        return switch (random.nextInt(4)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextInt(64);
            case 2 -> NUMBERS[random.nextInt(NUMBERS.length)] + random.nextInt(-1, 2);
            default -> NUMBERS[random.nextInt(NUMBERS.length)];
        };
    }

    int small() {
        return (int) number();
    }

    boolean flag() {
        return random.nextBoolean();
    }

    /** Index of a model-specific register, mostly of one that there is. */
    int register() {
        int[] known = kvm.getMsrIndexList();
        return random.nextInt(8) == 0 ? small() : known[random.nextInt(known.length)];
    }

    /** A guest-physical address, mostly of a page. */
    long address() {
        return random.nextInt(3) == 0 ? number() : (long) random.nextInt(128) * PAGE;
    }

    /** A structure of which some fields have been changed, or none. */
    <T extends Struct> T damaged(T s) {
        byte[] bytes = s.toBytes();
        ByteBuffer b = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int n = random.nextInt(4); n > 0; n--) {
            int size = 1 << random.nextInt(4);
            int at = random.nextInt(bytes.length / size) * size;
            long v = number();
            switch (size) {
                case 1 -> b.put(at, (byte) (random.nextBoolean() ? bytes[at] ^ 1 << random.nextInt(8) : v));
                case 2 -> b.putShort(at, (short) v);
                case 4 -> b.putInt(at, (int) v);
                default -> b.putLong(at, random.nextBoolean() ? b.getLong(at) ^ 1L << random.nextInt(64) : v);
            }
        }
        s.fromBytes(bytes);
        return s;
    }

    byte[] damaged(byte[] bytes) {
        byte[] copy = random.nextInt(8) == 0 ? Arrays.copyOf(bytes, random.nextInt(2 * bytes.length)) : bytes.clone();
        for (int n = random.nextInt(4); n > 0 && copy.length > 0; n--) {
            copy[random.nextInt(copy.length)] = (byte) number();
        }
        return copy;
    }

    MemorySegment memory() {
        return switch (random.nextInt(6)) {
            case 0 -> null;
            case 1 -> MemorySegment.ofArray(new byte[PAGE]);
            case 2 -> ram.asSlice(random.nextInt(MEMORY), 0);
            case 3 -> ram.asSlice(random.nextInt(MEMORY / 2), random.nextInt(MEMORY / 2));
            default -> ram.asSlice(random.nextInt(32) * PAGE, random.nextInt(32) * PAGE);
        };
    }

    // ---- running ----

    /** A turn for each vcpu; exits are answered, or not. */
    void run() {
        for (Vcpu v : vm.vcpus()) {
            for (int n = 0; n < MOST_EXITS; n++) {
                VcpuExit x = v.run(kvm.timeline().now() + TURN);
                switch (x) {
                    case VcpuExit.Io io when io.direction() == VcpuExit.IO_IN && flag() -> io.setValue(random.nextInt());
                    case VcpuExit.Mmio m when !m.isWrite() && flag() -> m.setValue(number());
                    case VcpuExit.Rdmsr r -> {
                        r.data = number();
                        r.error = flag();
                    }
                    case VcpuExit.Wrmsr w -> w.error = flag();
                    default -> { }
                }
                if (x instanceof VcpuExit.Intr || random.nextInt(3) == 0) {
                    break;
                }
            }
        }
        if (random.nextInt(4) == 0) {
            kvm.waitForTimer();
        }
    }

    // ---- what must not change ----

    /** The whole state, and what guests see in memory. */
    byte[] state() {
        // What has arrived is looked at, which it is by most calls.
        vm.vcpus().forEach(Vcpu::getVcpuEvents);
        StateOutput out = new StateOutput();
        vm.save(out);
        CRC32 sum = new CRC32();
        sum.update(ram.asByteBuffer());
        out.putLong("memory", sum.getValue());
        out.putInt("vcpus", vm.vcpus().size());
        for (Vcpu v : vm.vcpus()) {
            out.putInt("kHz", v.getTscKhz());
            v.getCpuid2().forEach(e -> out.putBytes("CPUID", e.toBytes()));
        }
        vm.memory().regions().forEach(r -> out.putLongs("region", new long[] {r.start, r.size, r.host}));
        return out.toByteArray();
    }

    void expect(byte[] before, String what) {
        byte[] now = state();
        int at = Arrays.mismatch(before, now);
        if (at >= 0) {
            throw new AssertionError(what + ", has changed the state at byte " + at + " of " + before.length + ", behind " + name(now, at));
        }
    }

    /** The last name in a saved state before a position. */
    private static String name(byte[] state, int at) {
        String text = new String(state, Math.max(0, at - 200), Math.min(at, 200), StandardCharsets.ISO_8859_1);
        return text.replaceAll("[^A-Za-z0-9 /]+", " ").trim();
    }

    @Override
    public void close() {
        kvm.close();
        arena.close();
    }
}
