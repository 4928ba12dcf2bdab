package dev.javisor.bench;

import dev.javisor.machine.Place;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Javisor and QEMU: both load images and kernels by themselves and print the guest's serial port on standard output. */
final class DirectEmulator implements Emulator {
    private static final Pattern INSTRUCTIONS = Pattern.compile("^instructions +([0-9,.]+)", Pattern.MULTILINE);

    private final String title;
    private final List<String> command;
    /** What its options begin with. */
    private final String dash;

    private DirectEmulator(String title, String dash, List<String> command) {
        this.title = title;
        this.dash = dash;
        this.command = command;
    }

    static DirectEmulator javisor(String title, String launcher, String engine, Place place) {
        String on = place.name().toLowerCase(Locale.ROOT);
        return new DirectEmulator(title, "--", List.of(launcher, "run", "--on", on, "--stat", "--engine", engine, "--memory"));
    }

    /** @param options further options, which name what is measured */
    static DirectEmulator qemu(String title, String program, String... options) {
        List<String> command = new ArrayList<>(List.of(
                program, "-accel", "tcg", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=4"));
        command.addAll(List.of(options));
        command.add("-m");
        return new DirectEmulator(title, "-", command);
    }

    @Override
    public String title() {
        return title;
    }

    @Override
    public Run run(Path image) throws IOException, InterruptedException {
        HostProcess.Outcome o = new HostProcess(line(Guest.MEMORY, image)).run(null, false);
        Matcher m = INSTRUCTIONS.matcher(o.messages());
        long instructions = m.find() ? Long.parseLong(m.group(1).replaceAll("[,.]", "")) : 0;
        return new Run(o.output(), o.seconds(), o.processor(), instructions);
    }

    @Override
    public double start(Path image) throws IOException, InterruptedException {
        return new HostProcess(line(Guest.MEMORY, image)).run("*", false).seconds();
    }

    @Override
    public Boot boot(LinuxBoot linux) throws IOException, InterruptedException {
        List<String> line = line(LinuxBoot.MEMORY, linux.kernel());
        line.addAll(List.of(dash + "append", linux.append()));
        if (linux.initrd() != null) {
            line.addAll(List.of(dash + "initrd", linux.initrd().toString()));
        }
        HostProcess.Outcome o = new HostProcess(line).ram(LinuxBoot.MEMORY).run(linux.prompt(), true);
        return new Boot(o.seconds(), o.processor(), o.memory());
    }

    private List<String> line(long memory, Path kernel) {
        List<String> line = new ArrayList<>(command);
        line.addAll(List.of((memory >> 20) + "M", dash + "kernel", kernel.toString()));
        return line;
    }
}
