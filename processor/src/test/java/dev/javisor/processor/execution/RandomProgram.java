package dev.javisor.processor.execution;

import dev.javisor.isa.CodeSize;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A loop of random instructions: arithmetic on registers and memory, branches, calls, repeated strings, the time-stamp counter, stores to
 * its own code, what operating systems do, faults. A fault goes on with the next turn of the loop. EBX holds the address of memory to
 * play with.
 */
public final class RandomProgram {
    private static final String[] WORDS = {"ax", "cx", "dx", "si", "di", "bp"};
    private static final String[] BYTES = {"al", "cl", "dl", "ah", "ch", "dh"};
    private static final String[] LOW_BYTES = {"al", "cl", "dl", "sil", "dil", "bpl", "r9b"};
    private static final String[] CONDITIONS = {"o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"};
    private static final String[] TWO = {"add", "or", "adc", "sbb", "and", "sub", "xor", "cmp", "mov"};
    private static final String[] ONE = {"inc", "dec", "neg", "not"};
    private static final String[] SHIFTS = {"shl", "shr", "sar", "rol", "ror", "rcl", "rcr"};
    private static final int LENGTH = 50, ROUTINES = 3;

    private final Random random;
    private final int bits;
    private final List<String> lines = new ArrayList<>();
    private int labels;
    /** This instruction may name AH, CH and DH, which exclude the registers of 64-bit mode. */
    private boolean high;

    private RandomProgram(Random random, CodeSize size) {
        this.random = random;
        this.bits = size == CodeSize.BITS64 ? 64 : size == CodeSize.BITS32 ? 32 : 16;
    }

    public static String[] text(Random random, CodeSize size) {
        return new RandomProgram(random, size).text();
    }

    /** A loop of random SSE instructions on numbers of all kinds, in several modes of MXCSR, and a few others between. */
    public static String[] vectors(Random random, CodeSize size) {
        return new RandomProgram(random, size).vectors();
    }

    private String[] vectors() {
        lines.add("next:");
        for (int i = 0; i < LENGTH; i++) {
            int kind = random.nextInt(12);
            if (kind == 0) {
                instruction();
            } else {
                vector(kind);
            }
        }
        lines.add("movdqu " + address() + ", xmm0");
        lines.add("jmp next");
        for (int r = 0; r < ROUTINES; r++) {
            lines.add("routine" + r + ":");
            lines.add("ret");
        }
        return lines.toArray(new String[0]);
    }

    private void vector(int kind) {
        String x = "xmm" + random.nextInt(4);
        String y = "xmm" + random.nextInt(4);
        String wide = "[" + pointer("bx") + " + " + 16 * random.nextInt(0, 7) + (random.nextInt(10) == 0 ? " + 4]" : "]");
        switch (kind) {
            case 1 -> lines.add(any("movdqa ", "movdqu ", "movups ", "movapd ") + either(x, wide));
            case 2 -> lines.add(any("movsd ", "movq ") + either(x, memory(64)));
            case 3 -> lines.add(any("movss ", "movd ") + either(x, memory(32)));
            case 4 -> lines.add(any("movd " + x + ", eax", "movd ecx, " + x, "movq " + x + ", " + y, "movsd " + x + ", " + y,
                    "movaps " + x + ", " + y));
            case 5 -> lines.add(any("cvtsi2sd ", "cvtsi2ss ") + x + ", " + any("eax", "ecx", "edx"));
            case 6, 7 -> lines.add(any("add", "sub", "mul", "div", "sqrt") + any("sd ", "ss ") + x + ", "
                    + (random.nextBoolean() ? y : address()));
            case 8 -> lines.add(any("add", "sub", "mul", "div") + "pd " + x + ", " + (random.nextInt(3) != 0 ? y : wide));
            case 9 -> lines.add(any("cvtsd2ss ", "cvtss2sd ", "paddd ", "pxor ", "unpcklpd ", "andps ", "pcmpgtd ", "psubw ") + x + ", "
                    + y);
            case 10 -> {
                lines.add(any("comisd ", "ucomisd ", "comiss ", "ucomiss ") + x + ", " + y);
                lines.add("set" + any(CONDITIONS) + " al");
            }
            default -> {
                lines.add("mov dword [" + pointer("bx") + " + 112], " + any("0x1FA0", "0x1F80", "0x9FE0", "0x3FA0", "0x1F20"));
                lines.add((random.nextBoolean() ? "ldmxcsr [" : "stmxcsr [") + pointer("bx") + " + 112]");
            }
        }
    }

    /** Two operands in either order. */
    private String either(String a, String b) {
        return random.nextBoolean() ? a + ", " + b : b + ", " + a;
    }

    private String[] text() {
        lines.add("next:");
        body(LENGTH);
        lines.add("jmp next");
        for (int r = 0; r < ROUTINES; r++) {
            lines.add("routine" + r + ":");
            body(6);
            lines.add("ret");
        }
        return lines.toArray(new String[0]);
    }

    private void body(int length) {
        List<String> open = new ArrayList<>();
        for (int i = 0; i < length; i++) {
            if (!open.isEmpty() && random.nextInt(3) == 0) {
                lines.add(open.removeFirst() + ":");
            }
            if (random.nextInt(6) == 0) {
                String label = "forward" + labels++;
                lines.add("j" + any(CONDITIONS) + " " + label);
                open.add(label);
            } else {
                instruction();
            }
        }
        open.forEach(label -> lines.add(label + ":"));
    }

    private void instruction() {
        int size = size();
        int kind = random.nextInt(27);
        high = bits < 64 || kind != 17 && random.nextBoolean();
        switch (kind) {
            case 0, 1, 2, 3 -> lines.add(any(TWO) + " " + register(size) + ", " + register(size));
            case 4, 5 -> lines.add(any(TWO) + " " + register(size) + ", " + memory(size));
            case 6, 7 -> lines.add(any(TWO) + " " + memory(size) + ", " + register(size));
            case 8, 9 -> lines.add(any(TWO) + " " + place(size) + ", " + immediate(size));
            case 10 -> lines.add(any(ONE) + " " + place(size));
            case 11, 12 -> lines.add(any(SHIFTS) + " " + place(size) + ", " + (random.nextBoolean() ? "cl" : "" + random.nextInt(0, 40)));
            case 13 -> lines.add("test " + place(size) + ", " + register(size));
            case 14 -> lines.add("set" + any(CONDITIONS) + " " + place(8));
            case 15 -> {
                int wide = Math.max(size, 16);
                lines.add("cmov" + any(CONDITIONS) + " " + register(wide) + ", " + place(wide));
            }
            case 16 -> {
                int wide = Math.max(size, 16);
                lines.add("imul " + register(wide) + ", " + place(wide) + (random.nextBoolean() ? ", " + random.nextInt(-100, 100) : ""));
            }
            case 17 -> lines.add((random.nextBoolean() ? "movzx " : "movsx ") + register(Math.max(size, 32)) + ", "
                    + place(random.nextBoolean() ? 8 : 16));
            case 18 -> lines.add("lea " + register(Math.max(size, 16)) + ", " + address());
            case 19 -> {
                lines.add("push " + register(bits));
                lines.add("pop " + register(bits));
            }
            case 20 -> lines.add("call routine" + random.nextInt(ROUTINES));
            case 21 -> string();
            case 22 -> lines.add(any("rdtsc", "cpuid\n mov " + pointer("bx") + ", " + EnginesTest.DATA, "nop", "cdq", "cwd", "cbw", "cwde",
                    "pushf\n popf", "xchg " + place(size) + ", " + register(size), "mul " + place(size), "bswap " + register(32),
                    "lahf", "stc", "clc", "cmc"));
            case 23 -> changeCode();
            case 24 -> fault(size);
            case 25 -> system();
            default -> lines.add("xadd " + place(size) + ", " + register(size));
        }
    }

    private void string() {
        lines.add("mov " + pointer("di") + ", " + pointer("bx"));
        lines.add("mov " + pointer("si") + ", " + pointer("bx"));
        lines.add("mov " + pointer("cx") + ", " + random.nextInt(20));
        lines.add(any("rep stosb", "rep movsb", "repe cmpsb", "repne scasb", "stosd", "lodsb", "movsw"));
    }

    /** Changes the immediate of an instruction that may be near and may be compiled. */
    private void changeCode() {
        String label = "changed" + labels++;
        String change = "inc byte [" + label + " - 1]";
        boolean before = random.nextBoolean();
        if (before) {
            lines.add(change);
        }
        lines.add("add al, " + random.nextInt(100));
        lines.add(label + ":");
        if (!before) {
            lines.add(change);
        }
    }

    /** What ends blocks, and changes what the next instruction may do. */
    private void system() {
        String a = pointer("ax");
        if (random.nextInt(3) == 0) {
            interruptReturn();
        } else if (bits == 16) {
            lines.add(any("sti", "cli\n sti", "mov ax, es\n mov es, ax", "push ds\n pop ds", "mov eax, cr2\n mov cr2, eax",
                    "mov ax, ss\n mov ss, ax"));
        } else {
            lines.add(any("sti", "cli\n sti", "stac", "clac", "stac\n pushf\n popf", "clts", bits == 64 ? "swapgs" : "nop", "int 3",
                    "int 32", "mov eax, es\n mov es, ax", "invlpg " + address(), "mov ecx, 0xC0000081\n rdmsr\n wrmsr",
                    "mov " + a + ", cr2\n inc " + a + "\n mov cr2, " + a, "mov " + a + ", cr3\n mov cr3, " + a));
        }
    }

    /** IRET to the instruction behind it, which the frame's flags may keep from meeting a breakpoint, or follow by a trap. */
    private void interruptReturn() {
        String label = "returned" + labels++;
        String flags = random.nextInt(8) == 0 ? "0x302" : random.nextBoolean() ? "0x10202" : "0x46";
        if (bits == 64) {
            lines.add("mov rax, rsp\n push 0\n push rax\n push " + flags + "\n push 8\n lea rax, [rel " + label + "]\n push rax\n iretq");
        } else if (bits == 32) {
            lines.add("push " + flags + "\n push 8\n push " + label + "\n iretd");
        } else {
            lines.add("push " + flags.replace("0x10202", "0x202") + "\n push cs\n push " + label + "\n iret");
        }
        lines.add(label + ":");
    }

    private void fault(int size) {
        if (random.nextInt(4) != 0) {
            return;
        }
        lines.add(random.nextBoolean() ? "ud2" : bits == 64
                ? "mov " + register(size) + ", [" + (EnginesTest.ABSENT + random.nextInt(-4, 16)) + "]" : "div cl");
    }

    // ---- operands ----

    private int size() {
        return switch (random.nextInt(4)) {
            case 0 -> 8;
            case 1 -> 16;
            case 2 -> 32;
            default -> bits == 64 ? 64 : 32;
        };
    }

    private String place(int size) {
        return random.nextBoolean() ? register(size) : memory(size);
    }

    private String register(int size) {
        if (size == 8) {
            return any(high ? BYTES : LOW_BYTES);
        }
        if (bits == 64 && size >= 32 && random.nextInt(3) == 0) {
            return "r" + random.nextInt(8, 16) + (size == 32 ? "d" : "");
        }
        return (size == 16 ? "" : size == 32 ? "e" : "r") + any(WORDS);
    }

    private String pointer(String word) {
        return (bits == 16 ? "" : bits == 32 ? "e" : "r") + word;
    }

    private String memory(int size) {
        return (size == 8 ? "byte " : size == 16 ? "word " : size == 32 ? "dword " : "qword ") + address();
    }

    private String address() {
        return "[" + pointer("bx") + " + " + random.nextInt(0, 96) + "]";
    }

    private String immediate(int size) {
        return "" + (size == 8 || random.nextBoolean() ? random.nextInt(-128, 128) : size == 16 ? random.nextInt(-0x8000, 0x8000)
                : random.nextInt());
    }

    private String any(String... choices) {
        return choices[random.nextInt(choices.length)];
    }
}
