package dev.javisor.bench;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs programs one after the other and measures them. */
final class HostProcess {
    private static final long LIMIT_SECONDS = 600;
    private static final long POLL_MILLISECONDS = 5;
    /** In a second, as /proc counts. */
    private static final double CLOCK_TICKS = 100;

    /**
     * A run that has ended.
     *
     * @param output what the guest printed, as far as it was read
     * @param messages what the program itself printed
     * @param seconds from the start of the process to its end, or to the text that was waited for
     * @param processor seconds of processor time that the process took
     * @param memory bytes of the host's memory in use at the end beside the guest's RAM, or 0 when not asked for
     */
    record Outcome(String output, String messages, double seconds, double processor, long memory) {}

    private final List<String> line;
    private Path screen;
    private long ram;

    HostProcess(List<String> line) {
        this.line = line;
    }

    /** The guest's output goes to a file instead of standard output. */
    HostProcess screen(Path file) {
        screen = file;
        return this;
    }

    /** Tells how much memory is used beside RAM of this many bytes. */
    HostProcess ram(long bytes) {
        ram = bytes;
        return this;
    }

    /**
     * Runs until the guest has printed a text.
     *
     * @param text null: until the program ends by itself
     * @param stop end the program then, instead of waiting for its end
     */
    Outcome run(String text, boolean stop) throws IOException, InterruptedException {
        Path messages = Files.createTempFile("bench", ".log");
        try {
            double processor = processorTimeOfChildren();
            long start = System.nanoTime();
            ProcessBuilder builder = new ProcessBuilder(line).redirectInput(new File("/dev/null")).redirectError(messages.toFile());
            if (screen != null) {
                Files.deleteIfExists(screen);
                builder.redirectErrorStream(true).redirectOutput(messages.toFile());
            }
            Process p = builder.start();
            Thread guard = Thread.ofVirtual().start(() -> endAfterLimit(p));
            String output = screen == null ? read(p.getInputStream(), text) : poll(p, text);
            long end = System.nanoTime();
            if (text != null && !output.contains(text)) {
                p.destroyForcibly().waitFor();
                throw new IOException(line.getFirst() + " ended without printing '" + text + "': " + Files.readString(messages));
            }
            long memory = ram == 0 ? 0 : Residents.beside(ram, p.pid());
            if (stop) {
                p.destroyForcibly();
            } else if (screen == null) {
                p.getInputStream().transferTo(OutputStream.nullOutputStream());
            }
            p.waitFor();
            guard.interrupt();
            end = text == null ? System.nanoTime() : end;
            String all = Files.readString(messages, StandardCharsets.ISO_8859_1);
            return new Outcome(output.strip(), all, (end - start) / 1e9, processorTimeOfChildren() - processor, memory);
        } finally {
            Files.delete(messages);
        }
    }

    /** Whether a program is there and starts. */
    static boolean isInstalled(String program) throws InterruptedException {
        try {
            Process p = new ProcessBuilder(program, "--help")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectInput(new File("/dev/null"))
                    .start();
            p.waitFor();
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** Seconds taken by processes that this one started and that have ended. */
    private static double processorTimeOfChildren() throws IOException {
        String stat = Files.readString(Path.of("/proc/self/stat"));
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return (Long.parseLong(fields[13]) + Long.parseLong(fields[14])) / CLOCK_TICKS;
    }

    private static void endAfterLimit(Process p) {
        try {
            if (!p.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                p.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Everything, or everything up to a text. */
    private static String read(InputStream in, String until) throws IOException {
        StringBuilder text = new StringBuilder();
        byte[] bytes = new byte[4096];
        for (int n = in.read(bytes); n >= 0; n = in.read(bytes)) {
            text.append(new String(bytes, 0, n, StandardCharsets.ISO_8859_1));
            if (until != null && text.indexOf(until) >= 0) {
                break;
            }
        }
        return text.toString();
    }

    /** The same from the file. */
    private String poll(Process p, String until) throws IOException, InterruptedException {
        boolean ended;
        String text;
        do {
            ended = p.waitFor(POLL_MILLISECONDS, TimeUnit.MILLISECONDS);
            text = Files.exists(screen) ? Files.readString(screen, StandardCharsets.ISO_8859_1) : "";
        } while (!ended && (until == null || !text.contains(until)));
        return text;
    }
}
