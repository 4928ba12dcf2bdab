package dev.javisor.bench;

import java.util.Random;

/**
 * Writes a guest whose time is spread evenly over some 25,000 instructions in 600 functions, as an operating system's is. The same seed
 * always gives the same text.
 */
final class FlatGuest {
    private static final int FUNCTIONS = 600;
    private static final int LENGTH = 42;
    private static final long SEED = 20260101;

    /** What functions may change: not R8 (data), R12 to R15 (the caller's), RSP. */
    private static final String[] WIDE = {"rax", "rcx", "rdx", "rbx", "rsi", "rdi", "rbp", "r9", "r10"};

    private static final String[] NARROW = {"eax", "ecx", "edx", "ebx", "esi", "edi", "ebp", "r9d", "r10d"};
    private static final String[] LOW = {"al", "cl", "dl", "bl", "sil", "dil", "bpl", "r9b", "r10b"};
    private static final String[] BINARY = {"add", "sub", "xor", "and", "or", "add", "xor"};
    private static final String[] CONDITIONS = {"e", "ne", "b", "ae", "be", "a", "l", "ge", "le", "g", "s", "ns"};

    private final Random random = new Random(SEED);
    private final StringBuilder text = new StringBuilder();
    private int label;
    private int left;

    private FlatGuest() {}

    static String text() {
        return new FlatGuest().write();
    }

    private String write() {
        text.append("""
                ; Flat code: a table of functions, each called once in a round.
                main:
                        mov r12d, edi
                        mov r8d, 0x400000
                        mov r15d, 1
                        xor ecx, ecx
                flat_fill:
                        imul r15d, r15d, 1664525
                        add r15d, 1013904223
                        mov [r8+rcx*4], r15d
                        inc ecx
                        cmp ecx, 32768
                        jb flat_fill
                flat_round:
                        mov r13d, flat_table
                        mov r14d, %d
                flat_next:
                        call [r13]
                        add r15, rax
                        rol r15, 7
                        xor rcx, r15
                        add r13, 8
                        dec r14d
                        jnz flat_next
                        dec r12d
                        jnz flat_round
                        mov rax, r15
                        ret
                """.formatted(FUNCTIONS));
        for (int i = 0; i < FUNCTIONS; i++) {
            function(i);
        }
        text.append("align 8\nflat_table:\n");
        for (int i = 0; i < FUNCTIONS; i++) {
            line("dq flat_" + i);
        }
        return text.toString();
    }

    private void function(int number) {
        text.append("flat_").append(number).append(":\n");
        left = LENGTH - 3;
        line("push rbp");
        while (left > 0) {
            statement();
        }
        line("pop rbp");
        line("ret");
    }

    /** One to a few instructions; what reads flags stands right behind what sets them all. */
    private void statement() {
        switch (random.nextInt(16)) {
            case 0, 1, 2 -> simple();
            case 3 -> line("mov " + pair());
            case 4, 5 -> line("mov " + narrow() + ", " + data("dword"));
            case 6 -> line("mov " + wide() + ", " + data("qword"));
            case 7, 8 -> line("mov " + data("dword") + ", " + narrow());
            case 9 -> line(binary() + " " + narrow() + ", " + data("dword"));
            case 10 -> line("add " + data("qword") + ", " + wide());
            case 11 -> line((random.nextBoolean() ? "movzx " : "movsx ") + narrow() + ", " + data("byte"));
            case 12 -> indexed();
            case 13 -> {
                compare();
                line((random.nextBoolean() ? "set" + condition() + " " + LOW[random.nextInt(LOW.length)]
                        : "cmov" + condition() + " " + pair()));
            }
            case 14 -> branch();
            default -> loop();
        }
    }

    private void simple() {
        switch (random.nextInt(7)) {
            case 0, 1 -> line(binary() + " " + pair());
            case 2 -> line(binary() + " " + narrow() + ", " + (random.nextInt(200) - 100));
            case 3 -> line((random.nextBoolean() ? "shl " : "shr ") + narrow() + ", " + (1 + random.nextInt(7)));
            case 4 -> line(
                    "lea " + wide() + ", [" + wide() + "+" + wide() + "*" + (1 << random.nextInt(4)) + "+" + random.nextInt(1000) + "]");
            case 5 -> line("imul " + narrow() + ", " + narrow() + ", " + (3 + random.nextInt(100_000)));
            default -> line((random.nextBoolean() ? "not " : "neg ") + wide());
        }
    }

    /** An access at an address that was computed. */
    private void indexed() {
        int i = random.nextInt(WIDE.length);
        line("and " + NARROW[i] + ", 0xFFF8");
        line("add " + narrow() + ", [r8+" + WIDE[i] + "]");
    }

    private void compare() {
        line((random.nextBoolean() ? "cmp " : "test ") + pair());
    }

    private void branch() {
        String target = "flat_l" + label++;
        compare();
        line("j" + condition() + " " + target);
        for (int n = 1 + random.nextInt(4); n > 0; n--) {
            simple();
        }
        text.append(target).append(":\n");
    }

    private void loop() {
        String target = "flat_l" + label++;
        line("mov r11d, " + (1 + random.nextInt(2)));
        text.append(target).append(":\n");
        simple();
        line("dec r11d");
        line("jnz " + target);
    }

    private void line(String instruction) {
        text.append("        ").append(instruction).append('\n');
        left--;
    }

    private String pair() {
        return random.nextBoolean() ? narrow() + ", " + narrow() : wide() + ", " + wide();
    }

    private String binary() {
        return BINARY[random.nextInt(BINARY.length)];
    }

    private String condition() {
        return CONDITIONS[random.nextInt(CONDITIONS.length)];
    }

    private String narrow() {
        return NARROW[random.nextInt(NARROW.length)];
    }

    private String wide() {
        return WIDE[random.nextInt(WIDE.length)];
    }

    private String data(String size) {
        return size + " [r8+" + 8 * random.nextInt(8192) + "]";
    }
}
