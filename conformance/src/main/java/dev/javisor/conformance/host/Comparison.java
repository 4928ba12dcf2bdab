package dev.javisor.conformance.host;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.javisor.isa.Instruction;
import dev.javisor.isa.Opcode;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Finds what differs between two results of a case, leaving out what the architecture does not define. */
final class Comparison {
    private static final String[] NAMES =
            {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
    private static final int ST = 32, XMM = 160;
    /** Each side may be off by 1.5 * 2^-12 of the exact value. */
    private static final double APPROXIMATION = 3.0 / 4096;
    private static final int C1 = 0x200;
    /** A result this small may be flushed to zero or not. */
    private static final double SMALLEST = Float.MIN_NORMAL * (1 + APPROXIMATION);
    /** Computed to within one unit in the last place ("Transcendental Instruction Accuracy"); C1 says which way it was rounded. */
    private static final Set<String> TRANSCENDENTAL =
            Set.of("F2XM1", "FYL2X", "FYL2XP1", "FPTAN", "FPATAN", "FSIN", "FCOS", "FSINCOS");

    /** Which of their accesses comes first is the implementation's choice. */
    private static final Set<String> MANY_ACCESSES =
            Set.of("FXSAVE", "FXRSTOR", "FNSTENV", "FLDENV", "FNSAVE", "FRSTOR", "POPA", "PUSHA", "MASKMOVQ", "MASKMOVDQU", "CLZERO",
                    "ENTER");

    /** A page fault may find part of their work done; it is repeated when they are. */
    private static final Set<String> PARTLY_DONE = Set.of("POPA", "MASKMOVQ");

    private static final Set<String> APPROXIMATE = Set.of("RCPPS", "RCPSS", "RSQRTPS", "RSQRTSS");

    private Comparison() {}

    /** The differences, in words; empty when the results agree. */
    static List<String> differences(Instruction i, MemorySegment input, MemorySegment host, MemorySegment ours) {
        List<String> found = new ArrayList<>(0);
        String name = i == null ? "" : i.opcode.mnemonic;
        long trap = host.get(JAVA_LONG_UNALIGNED, Layout.RESULT_TRAP);
        number(found, "exception", trap, ours.get(JAVA_LONG_UNALIGNED, Layout.RESULT_TRAP));
        boolean branch = i != null && trap == Event.BP;
        if (found.isEmpty() && trap != -1) {
            // Whether the system's half of the address space is mapped is not ours to know.
            long known = host.get(JAVA_LONG_UNALIGNED, Layout.RESULT_CR2) < 0 ? ~1L : -1L;
            number(found, "error code", host.get(JAVA_LONG_UNALIGNED, Layout.RESULT_ERROR) & known,
                    ours.get(JAVA_LONG_UNALIGNED, Layout.RESULT_ERROR) & known);
            number(found, "rip", host.get(JAVA_LONG_UNALIGNED, Layout.RESULT_RIP), ours.get(JAVA_LONG_UNALIGNED, Layout.RESULT_RIP));
            if (trap == Event.PF && !MANY_ACCESSES.contains(name)) {
                number(found, "cr2", host.get(JAVA_LONG_UNALIGNED, Layout.RESULT_CR2), ours.get(JAVA_LONG_UNALIGNED, Layout.RESULT_CR2));
            }
        }
        if (trap == Event.PF && PARTLY_DONE.contains(name)) {
            return found;
        }
        for (int r = 0; r < 16; r++) {
            number(found, NAMES[r], host.get(JAVA_LONG_UNALIGNED, 8 * r), ours.get(JAVA_LONG_UNALIGNED, 8 * r));
        }
        boolean completed = trap == -1 || branch;
        boolean interrupted = i != null && i.opcode.is(Opcode.STRING) && i.has(Instruction.REP | Instruction.REPNE);
        long undefined = i == null || !completed ? interrupted ? Flags.ARITHMETIC : 0
                : UndefinedFlags.of(i, UndefinedFlags.count(i, input.get(JAVA_LONG_UNALIGNED, 8)));
        long ignored = undefined | Flags.TF | Flags.RF;
        number(
                found, "rflags", host.get(JAVA_LONG_UNALIGNED, Layout.FLAGS) & ~ignored,
                ours.get(JAVA_LONG_UNALIGNED, Layout.FLAGS) & ~ignored);
        if (!isOutOfRange(name, input)) {
            floatingPoint(found, name, host, ours);
        }
        memory(found, i, name, input, host, ours);
        return found;
    }

    private static void number(List<String> found, String what, long host, long ours) {
        if (host != ours) {
            found.add(what + " " + Long.toHexString(host) + " not " + Long.toHexString(ours));
        }
    }

    private static void floatingPoint(List<String> found, String name, MemorySegment host, MemorySegment ours) {
        int at = Layout.RESULT_X87;
        boolean transcendental = TRANSCENDENTAL.contains(name);
        number(found, "fcw", host.get(JAVA_SHORT_UNALIGNED, at) & 0xFFFF, ours.get(JAVA_SHORT_UNALIGNED, at) & 0xFFFF);
        int ignored = transcendental ? C1 : 0;
        number(found, "fsw", host.get(JAVA_SHORT_UNALIGNED, at + 2) & 0xFFFF & ~ignored,
                ours.get(JAVA_SHORT_UNALIGNED, at + 2) & 0xFFFF & ~ignored);
        number(found, "ftw", host.get(JAVA_BYTE, at + 4) & 0xFF, ours.get(JAVA_BYTE, at + 4) & 0xFF);
        number(found, "mxcsr", host.get(JAVA_INT_UNALIGNED, at + 24), ours.get(JAVA_INT_UNALIGNED, at + 24));
        for (int r = 0; r < 8; r++) {
            extended(found, "st" + r, at + ST + 16 * r, transcendental && r < 2, host, ours);
        }
        boolean approximate = APPROXIMATE.contains(name);
        for (int r = 0; r < 16; r++) {
            int lane = at + XMM + 16 * r;
            if (host.asSlice(lane, 16).mismatch(ours.asSlice(lane, 16)) >= 0 && !(approximate && close(lane, host, ours))) {
                found.add("xmm" + r + " " + vector(host, lane) + " not " + vector(ours, lane));
            }
        }
    }

    /** The operand of F2XM1 must be in -1 to 1, that of FYL2XP1 in about -0.29 to 0.29, or what comes is undefined. */
    private static boolean isOutOfRange(String name, MemorySegment input) {
        int exponent = input.get(JAVA_SHORT_UNALIGNED, Layout.CASE_X87 + ST + 8) & 0x7FFF;
        boolean ordinary = input.get(JAVA_LONG_UNALIGNED, Layout.CASE_X87 + ST) < 0;
        return name.equals("F2XM1") && exponent >= 0x3FFF && ordinary || name.equals("FYL2XP1") && exponent >= 0x3FFD;
    }

    private static void extended(List<String> found, String what, int at, boolean tolerant, MemorySegment host, MemorySegment ours) {
        long a = host.get(JAVA_LONG_UNALIGNED, at);
        long b = ours.get(JAVA_LONG_UNALIGNED, at);
        int x = host.get(JAVA_SHORT_UNALIGNED, at + 8) & 0xFFFF;
        int y = ours.get(JAVA_SHORT_UNALIGNED, at + 8) & 0xFFFF;
        if (a == b && x == y || tolerant && unitsApart(x, a, y, b) <= 1) {
            return;
        }
        found.add(String.format("%s %04x:%016x not %04x:%016x", what, x, a, y, b));
    }

    /** Units in the last place between two values of the same sign; 2 stands for more. */
    private static int unitsApart(int x, long a, int y, long b) {
        if (x == y) {
            long difference = Math.abs(a - b);
            return difference <= 1 ? (int) difference : 2;
        }
        boolean carry = x == y + 1 && a == Long.MIN_VALUE && b == -1 || y == x + 1 && b == Long.MIN_VALUE && a == -1;
        return carry ? 1 : 2;
    }

    private static boolean close(int at, MemorySegment host, MemorySegment ours) {
        for (int k = 0; k < 4; k++) {
            float a = host.get(JAVA_FLOAT_UNALIGNED, at + 4 * k);
            float b = ours.get(JAVA_FLOAT_UNALIGNED, at + 4 * k);
            boolean same = Float.floatToRawIntBits(a) == Float.floatToRawIntBits(b);
            boolean tiny = Math.abs(a) <= SMALLEST && Math.abs(b) <= SMALLEST;
            if (!same && !tiny && !(Math.abs((double) a - b) <= APPROXIMATION * Math.abs((double) a))) {
                return false;
            }
        }
        return true;
    }

    static String vector(MemorySegment m, int at) {
        return String.format("%016x_%016x", m.get(JAVA_LONG_UNALIGNED, at + 8), m.get(JAVA_LONG_UNALIGNED, at));
    }

    private static void memory(
            List<String> found, Instruction i, String name, MemorySegment input, MemorySegment host, MemorySegment ours) {
        MemorySegment a = host.asSlice(Layout.RESULT_WINDOW, Layout.WINDOW_SIZE);
        MemorySegment b = ours.asSlice(Layout.RESULT_WINDOW, Layout.WINDOW_SIZE);
        int skipped = 0;
        for (long at = a.mismatch(b); at >= 0; ) {
            if (!isIgnored(i, name, input, (int) at)) {
                found.add(String.format("memory+%x %02x not %02x", at, a.get(JAVA_BYTE, at), b.get(JAVA_BYTE, at)));
                return;
            }
            skipped = (int) at + 1;
            long next = a.asSlice(skipped).mismatch(b.asSlice(skipped));
            at = next < 0 ? -1 : skipped + next;
        }
    }

    /** The error pointers of the x87 unit, and what FXSAVE leaves to the implementation. */
    private static boolean isIgnored(Instruction i, String name, MemorySegment input, int at) {
        if (i == null || !i.memory) {
            return false;
        }
        int offset = at + Layout.WINDOW_OFFSET - (int) (address(i, input) & 0xFFFF);
        return switch (name) {
            case "FNSTENV", "FNSAVE" -> i.operandSize == 16 ? offset >= 6 && offset < 14 : offset >= 12 && offset < 28;
            case "FXSAVE" -> offset >= 5 && offset < 24 || offset >= 28 && offset < 32 || offset >= 32 && offset < 160
                    && (offset & 15) >= 10
                    || offset >= 416;
            default -> false;
        };
    }

    static long address(Instruction i, MemorySegment input) {
        long base = i.base == Instruction.RIP ? Layout.ENTRY + i.length : register(input, i.base);
        long offset = base + (register(input, i.index) << i.scale) + i.displacement;
        long ea = i.addressSize == 64 ? offset : offset & 0xFFFFFFFFL;
        return ea + (i.segment == 4 ? Layout.FS_BASE : i.segment == 5 ? Layout.GS_BASE : 0);
    }

    private static long register(MemorySegment input, int number) {
        return number < 16 ? input.get(JAVA_LONG_UNALIGNED, 8 * number) : 0;
    }
}
