package dev.javisor.conformance.host;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.javisor.conformance.Options;
import dev.javisor.conformance.Watchdog;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Disassembler;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.simd.Mxcsr;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Runs random instructions on the host's processor and in Javisor, and reports what differs.
 *
 * <pre>
 *     HostConformance [--count N] [--seconds S] [--seed X] [--only MNEMONIC] [--show N] [--undefined N]
 * </pre>
 */
public final class HostConformance {
    private static final long DEFAULT_COUNT = 2_000_000;
    /** Runners that may be lost in a run without being lost again in the same cases. */
    private static final int MOST_LOST = 3;

    private final PrintStream out;
    private long count = DEFAULT_COUNT;
    private long seconds = Long.MAX_VALUE / 2_000_000_000L;
    private long seed = System.nanoTime();
    private String only;
    private int show = 20;
    private int undefined = 20;

    private final Map<String, Integer> mismatches = new TreeMap<>();
    private final Map<Long, Long> exceptions = new TreeMap<>();
    private final Set<Integer> covered = new HashSet<>();
    private long compared;
    private int lost;

    HostConformance(PrintStream out) {
        this.out = out;
    }

    public static void main(String[] args) throws Exception {
        HostConformance run = new HostConformance(System.out);
        Options.read("host", args, run::option);
        if (!NativeHost.isAvailable()) {
            System.out.println("Not applicable: the host is not Linux on x86-64.");
            return;
        }
        run.run();
        System.exit(run.mismatches.isEmpty() ? 0 : 1);
    }

    HostConformance option(String name, String value) {
        switch (name) {
            case "--count" -> count = Long.parseLong(value);
            case "--seconds" -> seconds = Long.parseLong(value);
            case "--seed" -> seed = Long.decode(value);
            case "--only" -> only = value;
            case "--undefined" -> undefined = Integer.parseInt(value);
            case "--show" -> show = Integer.parseInt(value);
            default -> throw new IllegalArgumentException("no option " + name);
        }
        return this;
    }

    /** Cases that were compared. */
    long compared() {
        return compared;
    }

    /** How many cases disagreed, by mnemonic. */
    Map<String, Integer> mismatches() {
        return mismatches;
    }

    /**
     * @throws IOException if the native runner cannot run, or is lost in a case, which is then described, and again when that runs
     *     once more
     * @throws Watchdog.Stall if Javisor does not come back from a case
     */
    void run() throws Exception {
        Watchdog.run(Layout.PATIENCE, this::run);
    }

    private void run(Watchdog watchdog) throws IOException {
        HostCpu cpu = HostCpu.read();
        CpuModel model = CpuModels.parse(cpu.isAmd() ? "max-amd" : "max-intel");
        Population population = new Population(model.features()::has, cpu.features(), only);
        out.printf("host: %s; model: %s; seed: %d%n", cpu.name(), model.name(), seed);
        if (!population.missing().isEmpty()) {
            out.println("not compared, since the host lacks them: " + String.join(" ", population.missing()));
        }
        Decoder decoder = new Decoder(model);
        boolean misaligned = cpu.features().contains("misalignsse");
        int mxcsrMask = misaligned ? Mxcsr.mask(model) : Mxcsr.mask(model) & ~Mxcsr.MM;
        InstanceGenerator generator = new InstanceGenerator(population, decoder, seed, mxcsrMask, true, undefined);
        Subject subject = new Subject(model);
        Instruction[] batch = new Instruction[Layout.BATCH];
        long start = System.nanoTime();
        try (NativeHost host = new NativeHost();
                Arena arena = Arena.ofConfined()) {
            MemorySegment ours = arena.allocate(Layout.RESULT_SIZE, 64);
            while (compared < count && System.nanoTime() - start < seconds * 1_000_000_000L) {
                for (int k = 0; k < batch.length; k++) {
                    batch[k] = generator.next(host.input(k));
                }
                watchdog.step(() -> "the native runner");
                runOnHost(host, batch);
                for (int k = 0; k < batch.length; k++) {
                    Instruction i = batch[k];
                    MemorySegment input = host.input(k);
                    watchdog.step(() -> title(i, input));
                    subject.run(input, ours);
                    compare(i, input, host.result(k), ours);
                }
            }
        }
        report(population, (System.nanoTime() - start) / 1e9);
    }

    /** A runner that is lost gets the same cases once more: what a case does to it, it does again; what the system did, hardly. */
    private void runOnHost(NativeHost host, Instruction[] batch) throws IOException {
        try {
            host.run(batch.length);
        } catch (NativeHost.Lost e) {
            describe(batch[e.index], host.input(e.index), List.of(e.getMessage()));
            if (++lost > MOST_LOST) {
                throw e;
            }
            host.restart();
            host.run(batch.length);
        }
    }

    private void compare(Instruction i, MemorySegment input, MemorySegment host, MemorySegment ours) {
        compared++;
        if (i != null) {
            covered.add(i.opcode.id);
        }
        exceptions.merge(host.get(JAVA_LONG_UNALIGNED, Layout.RESULT_TRAP), 1L, Long::sum);
        List<String> differences = Comparison.differences(i, input, host, ours);
        if (differences.isEmpty()) {
            return;
        }
        String name = i == null ? "(bad)" : i.opcode.mnemonic;
        if (mismatches.merge(name, 1, Integer::sum) <= 2 && show-- > 0) {
            describe(i, input, differences);
        }
    }

    private static String title(Instruction i, MemorySegment input) {
        byte[] code = new byte[i == null ? Decoder.MAX_LENGTH : i.length];
        MemorySegment.copy(input, JAVA_BYTE, Layout.CASE_CODE + Layout.CODE_OFFSET, code, 0, code.length);
        boolean code64 = (input.get(JAVA_LONG_UNALIGNED, Layout.CASE_ENTRY) >>> 32 & 0xFFFF) == Layout.CODE64_SELECTOR;
        String text = i == null ? "(bad)" : Disassembler.format(i, Layout.ENTRY);
        return (code64 ? "64 " : "32 ") + HexFormat.of().formatHex(code) + ": " + text;
    }

    private void describe(Instruction i, MemorySegment input, List<String> differences) {
        out.println(title(i, input));
        out.println("   host " + String.join("; ", differences));
        StringBuilder in = new StringBuilder("   with");
        for (int r = 0; r < 16; r++) {
            in.append(' ').append(Long.toHexString(input.get(JAVA_LONG_UNALIGNED, 8 * r)));
        }
        in.append(" flags ").append(Long.toHexString(input.get(JAVA_LONG_UNALIGNED, Layout.FLAGS)));
        in.append(" fcw/fsw ").append(Integer.toHexString(input.get(JAVA_INT_UNALIGNED, Layout.CASE_X87)));
        in.append(" ftw ").append(Integer.toHexString(input.get(JAVA_BYTE, Layout.CASE_X87 + 4) & 0xFF));
        in.append(" mxcsr ").append(Integer.toHexString(input.get(JAVA_INT_UNALIGNED, Layout.CASE_X87 + 24)));
        out.println(in);
        if (i != null && i.opcode.mnemonic.startsWith("F")) {
            StringBuilder st = new StringBuilder("   st");
            for (int r = 0; r < 8; r++) {
                st.append(String.format(" %04x:%016x", input.get(JAVA_INT_UNALIGNED, Layout.CASE_X87 + 40 + 16 * r) & 0xFFFF,
                        input.get(JAVA_LONG_UNALIGNED, Layout.CASE_X87 + 32 + 16 * r)));
            }
            out.println(st);
        } else if (i != null && i.opcode.feature != null) {
            out.println("   xmm" + i.reg + " " + xmm(input, i.reg) + (i.memory ? "" : " xmm" + i.rm + " " + xmm(input, i.rm)) + " xmm0 "
                    + xmm(input, 0));
        }
        if (i != null && i.memory) {
            long at = Comparison.address(i, input) & 0xFFFF;
            long offset = at - Layout.WINDOW_OFFSET;
            if (offset >= 0 && offset <= Layout.WINDOW_SIZE - 16) {
                out.println(
                        "   memory at +" + Long.toHexString(offset) + ": " + Comparison.vector(input, Layout.CASE_WINDOW + (int) offset));
            }
        }
    }

    private static String xmm(MemorySegment input, int r) {
        return Comparison.vector(input, Layout.CASE_X87 + 160 + 16 * (r & 15));
    }

    private void report(Population population, double time) {
        out.printf("%d cases in %.1f s, %d of %d table lines; exceptions %s%n", compared, time, covered.size(), population.forms().size(),
                exceptions);
        int sum = mismatches.values().stream().mapToInt(Integer::intValue).sum();
        if (lost > 0) {
            out.println("native runners lost, and not again when their cases ran once more: " + lost);
        }
        out.println(sum + " mismatches" + (sum == 0 ? "" : ": " + mismatches));
    }

    /** What Linux says about the host's processor. */
    record HostCpu(String name, String vendor, Set<String> features) {
        static HostCpu read() throws IOException {
            Map<String, String> fields = new TreeMap<>();
            for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"))) {
                int colon = line.indexOf(':');
                if (colon > 0) {
                    fields.putIfAbsent(line.substring(0, colon).strip(), line.substring(colon + 1).strip());
                }
            }
            return new HostCpu(
                    fields.getOrDefault("model name", "unknown"), fields.getOrDefault("vendor_id", ""),
                    Set.of(fields.getOrDefault("flags", "").split(" ")));
        }

        boolean isAmd() {
            return vendor.equals("AuthenticAMD");
        }
    }
}
