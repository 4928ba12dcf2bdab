package dev.javisor.bench;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The guests: multiboot images that compute something for a number of rounds and print a checksum of it on the first serial port. */
enum Guest {
    CRC("table look-ups", 5000),
    SIEVE("byte loops", 10),
    LIST("pointer chasing", 3000),
    SORT("sorting, indirect calls", 32),
    MATMUL("integer multiplication", 300),
    FIB("recursion", 1200),
    CALLS("direct and indirect calls", 10_000),
    COPY("memory copy", 400),
    FLAT("25,000 instructions, flat", 20_000),
    SSE("SSE, integer and real", 8000),
    X87("x87 arithmetic", 4000),
    SYSCALL("system calls", 8000),
    FAULT("page faults", 2000),
    SWITCH("context switches", 1000),
    MODIFY("self-modifying code", 100),
    CHURN("code made and discarded", 2000);

    private static final long ORIGIN = 0x100000;
    /** RAM of the machine that runs a guest, in bytes. */
    static final long MEMORY = 128L << 20;

    /** What it stands for. */
    final String description;
    /** Rounds of a run whose time is measured. */
    final int rounds;

    Guest(String description, int rounds) {
        this.description = description;
        this.rounds = rounds;
    }

    String title() {
        return name().toLowerCase(Locale.ROOT);
    }

    static Optional<Guest> named(String title) {
        return Arrays.stream(values()).filter(g -> g.title().equals(title)).findFirst();
    }

    static List<String> titles() {
        return Arrays.stream(values()).map(Guest::title).toList();
    }

    /** The image that runs for this number of rounds. */
    byte[] image(int rounds) {
        return Asm.assemble(CodeSize.BITS32, ORIGIN, text(rounds));
    }

    /** Its assembly text. */
    String text(int rounds) {
        return start(rounds) + (this == FLAT ? FlatGuest.text() : resource(title()));
    }

    private static String start(int rounds) {
        return "ROUNDS equ " + rounds + "\n" + resource("boot");
    }

    // ---- in VMX non-root operation ----

    /** What {@link #exits} counts in a round. */
    static final int EXITS = 1000;

    /** The image that does the same in a guest with EPT. */
    byte[] virtualImage(int rounds) {
        return virtual(text(rounds));
    }

    /** An image that does nothing but VM exits, {@link #EXITS} in a round. */
    static byte[] exits(int rounds) {
        return virtual(start(rounds) + resource("exits"));
    }

    private static byte[] virtual(String text) {
        return Asm.assemble(CodeSize.BITS32, ORIGIN, text.replace("call main", "call virtual") + resource("vmx"));
    }

    /** An image that prints one character as soon as it runs, and ends. */
    static byte[] first() {
        return Asm.assemble(CodeSize.BITS32, ORIGIN, resource("start"));
    }

    private static String resource(String name) {
        try (InputStream in = Guest.class.getResourceAsStream(name + ".asm")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
