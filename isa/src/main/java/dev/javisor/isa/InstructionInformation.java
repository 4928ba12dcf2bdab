package dev.javisor.isa;

/** What the VM-exit instruction-information field says of operands ("Information for VM Exits Due to Instruction Execution"). */
final class InstructionInformation {
    private static final String[] SEGMENTS = {"ES", "CS", "SS", "DS", "FS", "GS", "segment 6", "segment 7"};
    private static final String[] GDTR_IDTR = {"SGDT", "SIDT", "LGDT", "LIDT"};
    private static final String[] LDTR_TR = {"SLDT", "STR", "LLDT", "LTR"};
    private static final int[] SIZES = {16, 32, 64, 0};

    private static final int REGISTER_OPERAND = 1 << 10, OPERAND_SIZE_32 = 1 << 11, INDEX_INVALID = 1 << 22, BASE_INVALID = 1 << 27;
    /** Of the qualification of an I/O instruction. */
    private static final int STRING = 16;

    private InstructionInformation() {}

    static String describe(ExitReason r, long value, long qualification) {
        int v = (int) value;
        return switch (r) {
            case IO_INSTRUCTION -> (qualification & STRING) != 0 ? "%s:, %s".formatted(segment(v), addressSize(v)) : "";
            case VMCLEAR, VMPTRLD, VMPTRST, VMXON, XSAVES, XRSTORS -> memory(v);
            case INVEPT, INVVPID, INVPCID -> memory(v) + ", type in " + second(v);
            case VMREAD -> "field of " + second(v) + " to " + operand(v);
            case VMWRITE -> "field of " + second(v) + " from " + operand(v);
            case ACCESS_TO_GDTR_OR_IDTR -> "%s %s, %d-bit operand".formatted(
                    GDTR_IDTR[v >>> 28 & 3], memory(v), (v & OPERAND_SIZE_32) != 0 ? 32 : 16);
            case ACCESS_TO_LDTR_OR_TR -> LDTR_TR[v >>> 28 & 3] + " " + operand(v);
            case RDRAND, RDSEED -> "%d bits to %s".formatted(SIZES[v >>> 11 & 3], register(v >>> 3));
            case UMWAIT, TPAUSE -> register(v >>> 3);
            default -> "";
        };
    }

    private static String register(int number) {
        return ExitQualification.REGISTERS[number & 15];
    }

    private static String second(int v) {
        return register(v >>> 28);
    }

    private static String segment(int v) {
        return SEGMENTS[v >>> 15 & 7];
    }

    private static String addressSize(int v) {
        return SIZES[v >>> 7 & 3] + "-bit address";
    }

    private static String operand(int v) {
        return (v & REGISTER_OPERAND) != 0 ? register(v >>> 3) : memory(v);
    }

    /** The displacement is the exit qualification. */
    private static String memory(int v) {
        String base = (v & BASE_INVALID) != 0 ? "" : register(v >>> 23) + "+";
        String index = (v & INDEX_INVALID) != 0 ? "" : "%s*%d+".formatted(register(v >>> 18), 1 << (v & 3));
        return "%s:[%s%sdisplacement], %s".formatted(segment(v), base, index, addressSize(v));
    }
}
