package dev.javisor.bench;

import dev.javisor.isa.CpuModels;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.boot.ImageFile;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.processor.execution.CompilerStatistics;
import java.io.IOException;
import java.lang.management.ClassLoadingMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A long run of a guest that makes and discards code: once a minute the speed (guest instructions per second of the machine's
 * thread) and the memory. Both are to stay what they are, while classes come and go.
 */
public final class Soak {
    private static final int ENDLESS = 0x7FFFFFFF;
    private static final long SLICE = 5_000_000;
    private static final long MINUTE = 60_000_000_000L;

    private Soak() {}

    /** @param args minutes; optionally the name of another guest */
    public static void main(String[] args) throws IOException {
        boolean wrong = args.length > 2 || args.length > 0 && !args[0].matches("[1-9]\\d{0,5}")
                || args.length == 2 && Guest.named(args[1]).isEmpty();
        if (wrong) {
            System.err.println("usage: bench/soak [MINUTES [GUEST]]; guests as for bench/run");
            System.exit(2);
        }
        int minutes = args.length > 0 ? Integer.parseInt(args[0]) : 60;
        Guest guest = args.length > 1 ? Guest.named(args[1]).orElseThrow() : Guest.CHURN;
        ImageFile image = new ImageFile(guest.title(), guest.image(ENDLESS));
        MachineConfiguration configuration = MachineConfiguration.builder(CpuModels.parse(CpuModels.DEFAULT))
                .memory(Guest.MEMORY)
                .kernel(image)
                .serial(ByteSink.NONE)
                .build();
        try (Machine machine = new Machine(configuration)) {
            System.out.println(
                    "minute   MIPS   MB beyond RAM: resident   metaspace   code   classes loaded   unloaded   regions made   dropped");
            for (int m = 1; m <= minutes; m++) {
                minute(machine, m);
            }
        }
    }

    private static void minute(Machine machine, int number) throws IOException {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long instructions = machine.retired();
        long time = threads.getCurrentThreadCpuTime();
        long start = System.nanoTime();
        while (System.nanoTime() - start < MINUTE) {
            MachineExit exit = machine.run(machine.retired() + SLICE);
            if (!(exit instanceof MachineExit.InstructionLimit)) {
                throw new IllegalStateException("the guest ended: " + exit);
            }
        }
        double seconds = (threads.getCurrentThreadCpuTime() - time) / 1e9;
        ClassLoadingMXBean classes = ManagementFactory.getClassLoadingMXBean();
        CompilerStatistics s = machine.compilerStatistics();
        double speed = (machine.retired() - instructions) / seconds / 1e6;
        long resident = residentBytes() - Guest.MEMORY >> 20;
        long regions = s == null ? 0 : s.regions();
        long dropped = s == null ? 0 : s.stale() + s.evicted();
        System.out.printf("%6d %6.0f %25d %11d %6d %16d %10d %14d %9d%n", number, speed, resident, megabytes("Metaspace"),
                megabytes("Code"), classes.getLoadedClassCount(), classes.getUnloadedClassCount(), regions, dropped);
    }

    /** Memory in use in the Java machine's pools whose names begin like this. */
    private static long megabytes(String pools) {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(p -> p.getName().startsWith(pools))
                .mapToLong(p -> p.getUsage().getUsed())
                .sum() >> 20;
    }

    private static long residentBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
            }
        }
        throw new IOException("/proc/self/status does not tell the resident set size");
    }
}
