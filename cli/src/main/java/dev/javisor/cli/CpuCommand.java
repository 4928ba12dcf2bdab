package dev.javisor.cli;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.Feature;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code javisor cpu}. */
@Command(
        name = "cpu",
        description = "Tells about CPU models.",
        subcommands = {CpuCommand.ListModels.class, CpuCommand.Show.class})
final class CpuCommand implements Runnable {
    @ParentCommand
    private Main javisor;

    @Override
    public void run() {
        throw new UserException("cpu list or cpu show MODEL");
    }

    @Command(name = "list", description = "Lists the models and what they are also called.")
    static final class ListModels implements Callable<Integer> {
        @ParentCommand
        private CpuCommand cpu;

        @Override
        public Integer call() {
            PrintStream out = cpu.javisor.out;
            for (String name : CpuModels.names()) {
                CpuModel m = CpuModels.parse(name);
                out.printf("%-22s %-6s %s%n", name, m.vendor().name().toLowerCase(Locale.ROOT), m.brand());
            }
            out.println();
            CpuModels.aliases().entrySet().stream()
                    .sorted(Map.Entry.comparingByKey())
                    .forEach(a -> out.printf("%-22s %s%n", a.getKey(), a.getValue()));
            return ExitStatus.OK;
        }
    }

    @Command(name = "show", description = "Shows what a model is and what it has.")
    static final class Show implements Callable<Integer> {
        @ParentCommand
        private CpuCommand cpu;

        private static final int WIDTH = 100;

        @Parameters(index = "0", paramLabel = "MODEL[,+f,-f]", description = "Model, with features added and taken away.")
        private String model;

        @Option(names = "--bits", description = "One feature in a line, with its place in CPUID.")
        private boolean bits;

        @Override
        public Integer call() {
            CpuModel m = CpuModels.parse(model);
            PrintStream out = cpu.javisor.out;
            out.println("model             " + m.name());
            out.println("vendor            " + m.vendor().name().toLowerCase(Locale.ROOT));
            out.printf("family            %d, model %d, stepping %d%n", m.family(), m.model(), m.stepping());
            out.println("brand             " + m.brand());
            out.println("physical address  " + m.physicalBits() + " bits");
            if (bits) {
                String format = "%-20s CPUID.%02XH.%d:%s[%d]%n";
                present(m).filter(f -> f.register != null)
                        .forEach(f -> out.printf(format, f.lowerCaseName(), f.leaf, f.subleaf, f.register, f.bit));
            } else {
                wrap(out, present(m).map(Feature::lowerCaseName).collect(Collectors.joining(" ")));
            }
            return ExitStatus.OK;
        }

        private static Stream<Feature> present(CpuModel m) {
            return Arrays.stream(Feature.values()).filter(f -> m.features().has(f));
        }

        private static void wrap(PrintStream out, String words) {
            String label = "features          ";
            StringBuilder line = new StringBuilder(label);
            for (String w : words.split(" ")) {
                if (line.length() + w.length() > WIDTH) {
                    out.println(line.toString().stripTrailing());
                    line = new StringBuilder(" ".repeat(label.length()));
                }
                line.append(w).append(' ');
            }
            out.println(line.toString().stripTrailing());
        }
    }
}
