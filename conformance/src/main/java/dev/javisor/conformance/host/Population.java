package dev.javisor.conformance.host;

import dev.javisor.conformance.Form;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.isa.InstructionTable;
import dev.javisor.isa.Opcode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;

/** The instructions that are compared: what a program may execute, the host has, and the model implements. */
final class Population {
    /** What an operating system answers for, or what differs from machine to machine. */
    private static final Set<String> EXCLUDED = Set.of(
            // system calls, interrupts, far transfers, segment registers
            "SYSCALL", "SYSENTER", "SYSEXIT", "SYSRET", "INT", "INT1", "INT3", "INTO", "IRET", "CALLF", "JMPF", "RETF", "LDS", "LES", "LFS",
            "LGS", "LSS", "SWAPGS", "LAR", "LSL", "VERR", "VERW", "ARPL",
            // reported or emulated by the system (UMIP), or by another level of it
            "SGDT", "SIDT", "SLDT", "SMSW", "STR", "CPUID", "XGETBV", "XSETBV", "XSAVE", "XSAVEC", "XSAVEOPT", "XSAVES", "XRSTOR",
            "XRSTORS", "VMCALL", "VMMCALL", "RSM", "GETSEC", "SKINIT", "RDPMC", "MONITOR", "MWAIT", "MONITORX", "MWAITX", "INVLPGB",
            "TLBSYNC", "HLT", "IN", "OUT", "INSB", "INSW", "OUTSB", "OUTSW", "CLI", "STI", "RDMSR", "WRMSR", "INVD", "WBINVD", "WBNOINVD",
            "INVPCID", "CLAC", "STAC",
            // time, chance, identity
            "RDTSC", "RDTSCP", "RDPID", "RDPRU", "RDRAND", "RDSEED", "RDPKRU", "WRPKRU", "RDFSBASE", "RDGSBASE", "WRFSBASE", "WRGSBASE");

    private static final Set<Feature> SYSTEM = Set.of(Feature.VMX, Feature.SVM, Feature.FRED, Feature.SHSTK);

    private static final Set<String> STACK = Set.of(
            "PUSH", "POP", "PUSHF", "POPF", "PUSHA", "POPA", "CALL", "RET", "ENTER", "LEAVE");

    private static final List<String> LOW_HALF = List.of("UNPCKL", "PUNPCKL", "PSLL", "PSRL", "PSRA");

    private final List<Form> forms = new ArrayList<>();
    private final boolean[] allowed = new boolean[InstructionTable.opcodes().size()];
    private final Set<String> missing = new TreeSet<>();

    /**
     * @param model features of the CPU model
     * @param host features of the host, as Linux names them
     * @param only a mnemonic to restrict it to, or null
     */
    Population(Predicate<Feature> model, Set<String> host, String only) {
        for (Opcode o : InstructionTable.opcodes()) {
            boolean inModel = o.feature == null || model.test(o.feature);
            boolean inHost = o.feature == null || host.contains(hostName(o.feature));
            if (inModel && !inHost) {
                missing.add(hostName(o.feature));
            }
            if (inModel && inHost && isCompared(o) && (only == null || only.equals(o.mnemonic))) {
                allowed[o.id] = true;
                forms.add(new Form(o));
            }
        }
    }

    private static String hostName(Feature f) {
        String name = f.name().toLowerCase(Locale.ROOT);
        return name.startsWith("_") ? name.substring(1) : name;
    }

    private static boolean isCompared(Opcode o) {
        boolean segmentLoad = (o.mnemonic.equals("MOV") || o.mnemonic.equals("POP")) && o.is(Opcode.SERIALIZING);
        boolean vectorExtension = o.isVex() && o.feature != Feature.BMI1 && o.feature != Feature.BMI2;
        return !EXCLUDED.contains(o.mnemonic) && !vectorExtension && !o.is(Opcode.PRIVILEGED) && !segmentLoad
                && (o.feature == null || !SYSTEM.contains(o.feature));
    }

    List<Form> forms() {
        return forms;
    }

    /** By {@link Opcode#id}. */
    boolean[] allowed() {
        return allowed;
    }

    /** Features of the model with instructions that the host lacks. */
    Set<String> missing() {
        return missing;
    }

    static boolean usesStack(String mnemonic) {
        return STACK.contains(mnemonic);
    }

    /** Of the operand only the low half counts: when it may be unaligned, the other half may be left unread in a page that is absent. */
    static boolean readsAtWill(Instruction i) {
        String name = i.opcode.mnemonic;
        return LOW_HALF.stream().anyMatch(name::startsWith);
    }

    /** The instruction's accesses are checked for alignment in units that every processor agrees about. */
    static boolean checksAlignment(Instruction i) {
        String e = i.opcode.encoding;
        return i.opcode.feature == null && !i.opcode.mnemonic.startsWith("F") && !e.startsWith("C8");
    }
}
