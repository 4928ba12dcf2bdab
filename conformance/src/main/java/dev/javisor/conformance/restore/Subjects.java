package dev.javisor.conformance.restore;

import dev.javisor.conformance.event.EventCase;
import dev.javisor.conformance.event.EventCases;
import dev.javisor.conformance.event.EventGuest;
import dev.javisor.isa.CpuModels;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.Place;
import dev.javisor.machine.boot.ImageFile;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.processor.execution.Engine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The guests of a run, which both processes make from the same options. */
final class Subjects {
    private static final long MEBIBYTE = 1 << 20;

    /** A guest. {@link #machine} makes one that is about to start. */
    interface Subject {
        String name();

        /** See {@link EventCase#interruptible}. */
        boolean isInterruptible();

        /** Runs for seconds. */
        boolean isLong();

        Machine machine(Place place, Engine engine);
    }

    private final List<String> arguments = new ArrayList<>();
    private String kernel;
    private String initrd;
    private String commandLine = "";
    private String model = CpuModels.DEFAULT;
    private long memory = 128;
    private int processors = 1;

    /** Takes an option that says what the guests are; false when it is another one. */
    boolean option(String name, String value) {
        switch (name) {
            case "--kernel" -> kernel = file(value);
            case "--initrd" -> initrd = file(value);
            case "--append" -> commandLine = value;
            case "--cpu" -> model = value;
            case "--memory" -> memory = Long.parseLong(value);
            case "--processors" -> processors = Integer.parseInt(value);
            default -> {
                return false;
            }
        }
        arguments.add(name);
        arguments.add(value);
        return true;
    }

    private static String file(String name) {
        if (!Files.isReadable(Path.of(name))) {
            throw new IllegalArgumentException(name + " cannot be read");
        }
        return name;
    }

    /** The options so far. */
    List<String> arguments() {
        return arguments;
    }

    /** How many boots {@link #all} ends with. */
    int boots() {
        return kernel == null ? 0 : 1;
    }

    List<Subject> all() {
        List<Subject> all = new ArrayList<>(EventCases.all().stream().map(this::guest).toList());
        if (kernel != null) {
            all.add(boot());
        }
        return all;
    }

    private Boot boot() {
        MachineConfiguration.Builder b = MachineConfiguration.builder(CpuModels.parse(model))
                .kernel(image(kernel))
                .memory(memory * MEBIBYTE)
                .processors(processors)
                .commandLine(commandLine)
                .serial(ByteSink.NONE);
        Optional.ofNullable(initrd).map(Subjects::image).ifPresent(b::initrd);
        return new Boot(b);
    }

    private Subject guest(EventCase test) {
        EventGuest guest = new EventGuest(test);
        return new Subject() {
            @Override
            public String name() {
                return test.name();
            }

            @Override
            public boolean isInterruptible() {
                return test.interruptible();
            }

            @Override
            public boolean isLong() {
                return false;
            }

            @Override
            public Machine machine(Place place, Engine engine) {
                return guest.machine(model, place, engine);
            }
        };
    }

    private record Boot(MachineConfiguration.Builder builder) implements Subject {
        @Override
        public String name() {
            return "boot";
        }

        @Override
        public boolean isInterruptible() {
            return true;
        }

        @Override
        public boolean isLong() {
            return true;
        }

        @Override
        public Machine machine(Place place, Engine engine) {
            return new Machine(builder.place(place).engine(engine).build());
        }
    }

    private static ImageFile image(String file) {
        try {
            return new ImageFile(file, Files.readAllBytes(Path.of(file)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
