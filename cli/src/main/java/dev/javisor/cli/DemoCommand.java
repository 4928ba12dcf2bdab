package dev.javisor.cli;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.boot.ImageFile;
import dev.javisor.machine.console.ByteSink;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code javisor demo}. */
@Command(name = "demo", sortOptions = false, description = "Shows a guest at work: modes, faults, several processors, exact repetition.")
final class DemoCommand implements Callable<Integer> {
    private static final long ORIGIN = 0x100000;
    private static final int MEMORY = 128 << 20;

    @ParentCommand
    private Main javisor;

    @Option(names = "--smp", paramLabel = "N", description = "Number of processors, 1 to 64 (default: ${DEFAULT-VALUE}).",
            defaultValue = "4")
    private int processors;

    @Option(names = "--cpu", paramLabel = "MODEL[,+f,-f]", description = "CPU model (default: ${DEFAULT-VALUE}).",
            defaultValue = CpuModels.DEFAULT)
    private String cpu;

    @Option(names = "--source", description = "Prints the guest's assembly source instead.")
    private boolean source;

    private record Outcome(MachineExit exit, long instructions, double seconds, double guestSeconds, String stateHash) {}

    @Override
    public Integer call() {
        PrintStream out = javisor.out;
        if (source) {
            out.print(guest());
            return ExitStatus.OK;
        }
        CpuModel model = CpuModels.parse(cpu);
        ImageFile image = new ImageFile("demo", Asm.assemble(CodeSize.BITS32, ORIGIN, guest()));
        boolean terminal = System.console() != null && System.console().isTerminal();
        ByteSink screen = new StreamSink(out, reason -> {});
        Outcome first = run(model, image, terminal ? screen : new PlainText(screen));
        Outcome second = run(model, image, ByteSink.NONE);
        out.printf("%,d instructions in %.2f s, %.2f s of guest time%n", first.instructions, first.seconds, first.guestSeconds);
        boolean same = first.stateHash.equals(second.stateHash);
        out.printf("run again: %s%n", same ? "the same state to the bit, SHA-256" : "ANOTHER STATE, SHA-256");
        out.println("           " + first.stateHash);
        if (!same) {
            out.println("           " + second.stateHash);
        }
        return same ? ExitStatus.of(first.exit) : ExitStatus.INTERNAL_ERROR;
    }

    private Outcome run(CpuModel model, ImageFile image, ByteSink screen) {
        MachineConfiguration.Builder b = MachineConfiguration.builder(model).kernel(image).serial(screen).memory(MEMORY);
        try {
            b.processors(processors);
        } catch (IllegalArgumentException e) {
            throw new UserException(e.getMessage());
        }
        long start = System.nanoTime();
        try (Machine machine = new Machine(b.build())) {
            MachineExit exit = machine.run();
            double seconds = (System.nanoTime() - start) / 1e9;
            return new Outcome(exit, machine.retired(), seconds, machine.seconds(), machine.stateHash());
        }
    }

    private static String guest() {
        try (InputStream in = DemoCommand.class.getResourceAsStream("demo.asm")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Leaves out what only a terminal understands: sequences from ESC to a letter. */
    private static final class PlainText implements ByteSink {
        private final ByteSink target;
        private boolean sequence;

        PlainText(ByteSink target) {
            this.target = target;
        }

        @Override
        public void write(int value) {
            if (sequence) {
                sequence = !Character.isLetter(value);
            } else if (value == 27) {
                sequence = true;
            } else {
                target.write(value);
            }
        }

        @Override
        public void flush() {
            target.flush();
        }
    }
}
