package dev.javisor.cli;

import dev.javisor.machine.CodeView;
import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineExit;
import dev.javisor.machine.Registers;
import java.io.PrintStream;
import java.util.List;

/** Runs a machine beside one that interprets all code, and stops where they differ. */
final class Lockstep {
    /** Instructions after which the processors are compared, and after which everything is. */
    private static final long STEP = 500, WHOLE = 50_000_000;

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
        List<Registers> before = reference.registers();
        long whole = WHOLE;
        for (; ; ) {
            long start = reference.retired();
            long end = Math.min(limit, start + STEP);
            MachineExit exit = subject.run(end);
            MachineExit expected = reference.run(end);
            List<Registers> after = reference.registers();
            boolean ends = end == limit || !(expected instanceof MachineExit.InstructionLimit);
            boolean same = exit.equals(expected) && subject.retired() == reference.retired() && subject.registers().equals(after);
            if (same && (ends || reference.retired() >= whole)) {
                whole += WHOLE;
                same = subject.stateHash().equals(reference.stateHash());
            }
            if (!same) {
                messages.printf("javisor: the engines differ behind instruction %,d, which was%n%s", start, describe(before));
                messages.printf("compiled: %s after %,d instructions%n%s", exit, subject.retired(), describe(subject.registers()));
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

    private static String describe(List<Registers> state) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < state.size(); i++) {
            out.append("  processor ").append(i).append('\n').append(state.get(i));
        }
        return out.toString();
    }

    /** The code that the processors were about to run, as far as it lies in a row. The machine does not go on behind this. */
    private String disassemble(List<Registers> before) {
        StringBuilder out = new StringBuilder();
        List<CodeView> code = reference.code();
        for (int i = 0; i < code.size(); i++) {
            out.append(CodeListing.at(code.get(i), reference.configuration().model(), before.get(i).rip()));
        }
        return out.toString();
    }
}
