package dev.javisor.conformance.host;

import dev.javisor.conformance.Form;
import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.isa.InstructionTable;
import dev.javisor.isa.Opcode;
import java.util.ArrayList;
import java.util.HexFormat;
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

    /** Legacy prefixes, and the first bytes of instructions that hosts may have and no model has: SSE4a, SVM and its guests', GFNI. */
    private static final String PREFIXES = "66 67 F2 F3 2E 36 3E 26 64 65 F0";
    private static final List<String> BEYOND =
            List.of("0F2B", "0F78", "0F79", "0F38CF", "0F3ACE", "0F3ACF", "0F01C1", "0F01D8", "0F01D9", "0F01DA", "0F01DB", "0F01DC",
                    "0F01DD", "0F01DE", "0F01DF", "0F01FE", "0F01FF");
    /** VEX, EVEX and XOP: the extensions of vectors. */
    private static final Set<Integer> VECTORS = Set.of(0xC4, 0xC5, 0x62, 0x8F);

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

    /** The bytes may be an instruction of a host's, with features that no model has. */
    static boolean isBeyondModel(byte[] code, boolean code64) {
        int at = 0;
        while (PREFIXES.contains("%02X".formatted(code[at])) || code64 && (code[at] & 0xF0) == 0x40) {
            at++;
        }
        String opcode = HexFormat.of().withUpperCase().formatHex(code, at, at + 3);
        return VECTORS.contains(code[at] & 0xFF) || BEYOND.stream().anyMatch(opcode::startsWith);
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
