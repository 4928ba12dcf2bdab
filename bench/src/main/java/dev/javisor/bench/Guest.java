package dev.javisor.bench;

import dev.javisor.isa.Asm;
import dev.javisor.isa.CodeSize;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/** The guests: multiboot images that compute something for a number of rounds and print a checksum of it on the first serial port. */
enum Guest {
    CRC("crc", "table look-ups", 7000),
    SIEVE("sieve", "byte loops", 18),
    LIST("list", "pointer chasing", 3000),
    SORT("sort", "sorting, indirect calls", 160),
    MATMUL("matmul", "integer multiplication", 320),
    FIB("fib", "recursion", 1600),
    CALLS("calls", "direct and indirect calls", 9000),
    COPY("copy", "memory copy", 900),
    FLAT("flat", "25,000 instructions, flat", 20_000),
    SSE("sse", "SSE integer and real", 8000),
    X87("x87", "x87 arithmetic", 9000),
    SYSCALL("syscall", "system calls", 10_000),
    FAULT("fault", "page faults", 6000),
    SWITCH("switch", "context switches", 1500),
    MODIFY("modify", "self-modifying code", 1500);

    private static final long ORIGIN = 0x100000;

    final String title;
    /** What it stands for. */
    final String description;
    /** Rounds of a measured run, so that it retires some hundred million instructions. */
    final int rounds;

    Guest(String title, String description, int rounds) {
        this.title = title;
        this.description = description;
        this.rounds = rounds;
    }

    static Optional<Guest> named(String title) {
        return Arrays.stream(values()).filter(g -> g.title.equals(title)).findFirst();
    }

    /** The image that runs for this number of rounds. */
    byte[] image(int rounds) {
        return Asm.assemble(CodeSize.BITS32, ORIGIN, text(rounds));
    }

    /** Its assembly text. */
    String text(int rounds) {
        return "ROUNDS equ " + rounds + "\n" + resource("boot") + (this == FLAT ? FlatGuest.text() : resource(title));
    }

    private static String resource(String name) {
        try (InputStream in = Guest.class.getResourceAsStream(name + ".asm")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
