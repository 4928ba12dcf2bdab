package dev.javisor.conformance.host;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;

/**
 * The host's processor, to run instructions on. It runs them in a process of its own, since the JVM needs the signals by which a process
 * learns of exceptions: a program that is assembled here, written to a temporary directory, and that shares a file with us.
 */
final class NativeHost implements AutoCloseable {
    private static final String SOURCE = "runner.asm";
    private static final int ELF_HEADER = 64, PROGRAM_HEADER = 56;

    private final Arena arena = Arena.ofShared();
    private final Path directory;
    private Process process;
    private final MemorySegment file;

    /** @throws IOException if the program cannot be written or started, for example because the temporary directory forbids programs */
    NativeHost() throws IOException {
        directory = Files.createTempDirectory("javisor-conformance");
        try {
            Path program = directory.resolve("runner");
            Path shared = directory.resolve("cases");
            Files.write(program, executable());
            if (!program.toFile().setExecutable(true)) {
                throw new IOException("cannot make " + program + " executable");
            }
            try (FileChannel channel = FileChannel.open(
                    shared, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                file = channel.map(FileChannel.MapMode.READ_WRITE, 0, Layout.FILE_SIZE, arena);
            }
            start();
        } catch (IOException | RuntimeException e) {
            removeFiles();
            throw e;
        }
    }

    private void start() throws IOException {
        process = new ProcessBuilder(directory.resolve("runner").toString(), directory.resolve("cases").toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    /** Another process for the same cases, when the first was {@linkplain Lost lost}. */
    void restart() throws IOException {
        process.destroyForcibly();
        start();
    }

    /** Whether there is such a processor under such a system. */
    static boolean isAvailable() {
        return System.getProperty("os.name").equals("Linux") && System.getProperty("os.arch").equals("amd64");
    }

    /** The memory of a case of the batch, to be filled. */
    MemorySegment input(int index) {
        return file.asSlice(0x2000 + (long) index * Layout.CASE_SIZE, Layout.CASE_SIZE);
    }

    /** The result of a case of the batch that has run. */
    MemorySegment result(int index) {
        return file.asSlice(0x2000 + Layout.RESULTS + (long) index * Layout.RESULT_SIZE, Layout.RESULT_SIZE);
    }

    /** The program ended or hung in a case. */
    static final class Lost extends IOException {
        private static final long serialVersionUID = 1;
        /** Index of the case. */
        final int index;

        Lost(String message, int index) {
            super(message);
            this.index = index;
        }
    }

    private Lost lost(String message) {
        return new Lost(message, Math.clamp(file.get(ValueLayout.JAVA_LONG, 0x2000L + Layout.PROGRESS), 0, Layout.BATCH - 1));
    }

    /**
     * Runs the first cases of the batch.
     *
     * @throws Lost if the program ends or hangs in one
     */
    void run(int count) throws IOException {
        ByteBuffer message = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(0, count);
        try {
            process.getOutputStream().write(message.array());
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw lost("the native runner is gone");
        }
        InputStream in = process.getInputStream();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Layout.PATIENCE);
        try {
            while (in.available() < 8) {
                if (!process.isAlive()) {
                    throw lost("the native runner ended with status " + process.exitValue());
                }
                if (System.nanoTime() > deadline) {
                    throw lost("the native runner hangs");
                }
                Thread.sleep(0, 200_000);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        in.readNBytes(8);
    }

    private static byte[] executable() throws IOException {
        String text;
        try (InputStream in = NativeHost.class.getResourceAsStream(SOURCE)) {
            text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        Asm.Program program = Asm.program(CodeSize.BITS64, Layout.COMPLETED, Layout.definitions(), text);
        int size = Layout.HEADERS + program.code().length;
        if (size > Layout.RUNNER_SIZE) {
            throw new IllegalStateException("the native runner has " + size + " bytes");
        }
        ByteBuffer elf = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        elf.putInt(0x464C457F).putInt(0x00010102).putLong(0); // 64-bit, little-endian
        elf.putShort((short) 2).putShort((short) 62).putInt(1); // executable, x86-64
        elf.putLong(program.label("start")).putLong(ELF_HEADER).putLong(0).putInt(0);
        elf.putShort((short) ELF_HEADER).putShort((short) PROGRAM_HEADER).putShort((short) 1);
        elf.putShort((short) 0).putShort((short) 0).putShort((short) 0);
        elf.putInt(1).putInt(7).putLong(0).putLong(Layout.LOAD_ADDRESS).putLong(Layout.LOAD_ADDRESS).putLong(size).putLong(size)
                .putLong(0x1000);
        elf.put(program.code());
        return elf.array();
    }

    private void removeFiles() throws IOException {
        Files.deleteIfExists(directory.resolve("runner"));
        Files.deleteIfExists(directory.resolve("cases"));
        Files.deleteIfExists(directory);
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly();
        arena.close();
        removeFiles();
    }
}
