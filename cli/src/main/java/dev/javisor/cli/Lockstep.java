package dev.javisor.cli;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Disassembler;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineExit;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Translation;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;

/** Runs a machine beside one that interprets all code, and stops where they differ. */
final class Lockstep {
    /** Instructions after which the processors are compared, and after which everything is. */
    private static final long STEP = 500, WHOLE = 50_000_000;

    private static final int SHOWN = 40;
    private static final List<String> NAMES = List.of(
            "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags",
            "cs", "cr0", "cr2", "cr3", "cr4", "fs base", "gs base");
    private static final int RIP = 16, VECTORS = 16;

    private final Machine subject;
    private final Machine reference;
    private final PrintStream messages;

    Lockstep(Machine subject, Machine reference, PrintStream messages) {
        this.subject = subject;
        this.reference = reference;
        this.messages = messages;
    }

    /** As {@link Machine#run(long)}; null when there was a difference, which has been described. */
    MachineExit run(long limit) {
        long[] before = state(reference);
        long whole = WHOLE;
        for (; ; ) {
            long start = reference.retired();
            long end = Math.min(limit, start + STEP);
            MachineExit exit = subject.run(end);
            MachineExit expected = reference.run(end);
            long[] after = state(reference);
            boolean ends = end == limit || !(expected instanceof MachineExit.InstructionLimit);
            boolean same = exit.equals(expected) && subject.retired() == reference.retired() && Arrays.equals(state(subject), after);
            if (same && (ends || reference.retired() >= whole)) {
                whole += WHOLE;
                same = subject.stateHash().equals(reference.stateHash());
            }
            if (!same) {
                messages.printf("javisor: the engines differ behind instruction %,d, which was%n%s", start, describe(before));
                messages.printf("compiled: %s after %,d instructions%n%s", exit, subject.retired(), describe(state(subject)));
                messages.printf("interpreted: %s after %,d instructions%n%s", expected, reference.retired(), describe(after));
                messages.print(disassemble(before));
                return null;
            }
            if (ends) {
                return expected;
            }
            before = after;
        }
    }

    private static int length() {
        return NAMES.size() + 2 * VECTORS;
    }

    /** What the processors' registers hold; the names of the first ones are in {@link #NAMES}. */
    private static long[] state(Machine machine) {
        List<LogicalProcessor> processors = machine.processors();
        long[] s = new long[processors.size() * length()];
        int n = 0;
        for (LogicalProcessor p : processors) {
            Cpu c = p.cpu();
            System.arraycopy(c.gpr, 0, s, n, 16);
            n += 16;
            for (long v : new long[] {
                c.rip, Flags.rflags(c), c.selector[Cpu.CS], c.cr0, c.cr2, c.cr3, c.cr4, c.segBase[Cpu.FS], c.segBase[Cpu.GS]
            }) {
                s[n++] = v;
            }
            for (int r = 0; r < VECTORS; r++) {
                s[n++] = c.vector[8 * r];
                s[n++] = c.vector[8 * r + 1];
            }
        }
        return s;
    }

    private static String describe(long[] state) {
        StringBuilder out = new StringBuilder();
        for (int at = 0; at < state.length; at += length()) {
            out.append("  processor ").append(at / length()).append('\n');
            for (int i = 0; i < length(); i++) {
                int v = i - NAMES.size();
                String name = v < 0 ? NAMES.get(i) : "xmm" + v / 2 + (v % 2 == 0 ? " low" : " high");
                if (v < 0 || state[at + i] != 0) {
                    out.append(String.format("  %10s %016x%s", name, state[at + i], i % 4 == 3 ? "\n" : ""));
                }
            }
            out.append('\n');
        }
        return out.toString();
    }

    /** The code that the processors were about to run, as far as it lies in a row. The machine does not go on behind this. */
    private String disassemble(long[] before) {
        StringBuilder out = new StringBuilder();
        int at = 0;
        for (LogicalProcessor p : reference.processors()) {
            Cpu c = p.cpu();
            CodeSize size = c.codeSize64 ? CodeSize.BITS64 : c.codeBits == 32 ? CodeSize.BITS32 : CodeSize.BITS16;
            Decoder decoder = new Decoder(c.model.features());
            Decoder.Result result = new Decoder.Result();
            byte[] bytes = new byte[Decoder.MAX_LENGTH];
            long rip = before[at + RIP];
            at += length();
            for (int n = 0; n < SHOWN; n++) {
                int read = read(c, rip + (c.codeSize64 ? 0 : c.segBase[Cpu.CS]), bytes);
                if (decoder.decode(bytes, 0, read, size, result) != Decoder.Outcome.OK) {
                    break;
                }
                out.append(String.format("  %x: %s%n", rip, Disassembler.format(result.instruction, rip)));
                rip += result.length;
            }
        }
        return out.toString();
    }

    /** Reads code. @return how many bytes there are */
    private static int read(Cpu c, long linear, byte[] bytes) {
        try {
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) c.memory.read(c.translation.translate(c, c.fetchContext(), linear + i, Translation.FETCH), 1);
            }
            return bytes.length;
        } catch (GuestFault e) {
            return 0;
        }
    }
}
