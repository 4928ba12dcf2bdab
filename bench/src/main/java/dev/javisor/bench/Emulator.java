package dev.javisor.bench;

import java.io.IOException;
import java.nio.file.Path;

/** A program that runs guests, each in a process of its own. */
interface Emulator {
    /**
     * One run of an image to its end.
     *
     * @param output what the guest printed
     * @param seconds from the start of the process to its end
     * @param processor seconds of processor time that the process took
     * @param instructions retired by the guest, where the emulator says so; else 0
     */
    record Run(String output, double seconds, double processor, long instructions) {}

    /**
     * A boot of Linux.
     *
     * @param seconds from the start of the process to the prompt
     * @param processor seconds of processor time that the process took
     * @param memory bytes of the host's memory in use then, beside the guest's RAM
     */
    record Boot(double seconds, double processor, long memory) {}

    String title();

    /** Runs a multiboot image. */
    Run run(Path image) throws IOException, InterruptedException;

    /** Seconds from the start of the process to the first character that the image prints. */
    double start(Path image) throws IOException, InterruptedException;

    Boot boot(LinuxBoot linux) throws IOException, InterruptedException;
}
