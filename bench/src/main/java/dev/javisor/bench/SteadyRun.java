package dev.javisor.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.javisor.isa.CpuModels;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.Place;
import dev.javisor.machine.boot.ImageFile;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.processor.execution.Engine;
import dev.javisor.processor.memory.HostMemory;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What can only be measured from inside: speed after warm-up, and memory. A process of its own for each measurement. Prints guest
 * instructions per second of processor time (of all threads), and the bytes of host memory beyond the guest's RAM.
 */
final class SteadyRun {
    private static final long SLICE = 5_000_000;

    private SteadyRun() {}

    /**
     * What was measured.
     *
     * @param speed guest instructions per second of processor time
     * @param memory bytes of the host's memory beside the guest's RAM
     */
    record Figures(double speed, double memory) {}

    /**
     * Measures in a Java machine with the flags of this one.
     *
     * @param image that runs for long
     * @param warmUp seconds before what is measured
     * @param seconds that are measured
     */
    static Figures measure(Path image, String engine, Place place, double warmUp, double seconds)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), SteadyRun.class.getName()));
        command.addAll(List.of(image.toString(), engine, place.name().toLowerCase(Locale.ROOT), "" + warmUp, "" + seconds));
        Process p = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String output = new String(p.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
        if (p.waitFor() != 0) {
            throw new IOException(image.getFileName() + " did not run");
        }
        String[] figures = output.split(" ");
        return new Figures(Double.parseDouble(figures[0]), Double.parseDouble(figures[1]));
    }

    /** @param args an image that runs for long; the engine; where; seconds of warm-up; seconds to be measured */
    public static void main(String[] args) throws IOException {
        ImageFile image = ImageFile.read(args[0], Guest.MEMORY);
        MachineConfiguration configuration = MachineConfiguration.builder(CpuModels.parse(CpuModels.DEFAULT))
                .memory(Guest.MEMORY)
                .kernel(image)
                .engine(Engine.valueOf(args[1].toUpperCase(Locale.ROOT)))
                .place(Place.valueOf(args[2].toUpperCase(Locale.ROOT)))
                .serial(ByteSink.NONE)
                .build();
        OperatingSystemMXBean host = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        try (Machine machine = new Machine(configuration)) {
            runFor(machine, (long) (Double.parseDouble(args[3]) * 1e9));
            long instructions = machine.retired();
            long time = host.getProcessCpuTime();
            runFor(machine, (long) (Double.parseDouble(args[4]) * 1e9));
            time = host.getProcessCpuTime() - time;
            instructions = machine.retired() - instructions;
            makeResident(machine);
            System.out.println(instructions / (time / 1e9) + " " + (peakResidentBytes() - Guest.MEMORY));
        }
    }

    private static void runFor(Machine machine, long nanoseconds) {
        long start = System.nanoTime();
        do {
            MachineExit exit = machine.run(machine.retired() + SLICE);
            if (!(exit instanceof MachineExit.InstructionLimit)) {
                throw new IllegalStateException("the guest ended: " + exit);
            }
        } while (System.nanoTime() - start < nanoseconds);
    }

    /** Touches all RAM, so that what is resident beyond it can be told. */
    private static void makeResident(Machine machine) {
        for (long gpa = 0; gpa < Guest.MEMORY; gpa += 4096) {
            long host = machine.memory().hostAddress(gpa);
            if (host != 0) {
                HostMemory.putByte(host, HostMemory.getByte(host));
            }
        }
    }

    private static long peakResidentBytes() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
            }
        }
        throw new IOException("/proc/self/status does not tell the peak resident set size");
    }
}
