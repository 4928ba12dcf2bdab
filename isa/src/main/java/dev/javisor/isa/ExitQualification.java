package dev.javisor.isa;

/** What exit qualifications mean ("Exit Qualification"). */
final class ExitQualification {
    static final String[] REGISTERS = {
        "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"
    };
    private static final String[] TASK_SWITCHES = {"CALL", "IRET", "JMP", "task gate in the IDT"};
    private static final String[] APIC_ACCESSES = {"linear read", "linear write", "linear fetch", "linear access during event delivery"};

    private ExitQualification() {}

    static String describe(ExitReason r, long v, BitNames eptViolation) {
        return switch (r) {
            case STARTUP_IPI, VIRTUALIZED_EOI -> "vector %02XH".formatted(v & 0xFF);
            case TASK_SWITCH -> "by %s, to the TSS with selector %04XH".formatted(TASK_SWITCHES[(int) (v >>> 30) & 3], v & 0xFFFF);
            case INVLPG -> "linear address";
            case CONTROL_REGISTER_ACCESS -> controlRegister(v);
            case MOV_DR -> ((v & 16) != 0 ? "MOV from DR%d to %s" : "MOV to DR%d from %s").formatted(v & 7, register(v));
            case IO_INSTRUCTION -> io(v);
            case INVALID_GUEST_STATE -> guestState(v);
            case MSR_LOADING -> "entry " + v + " of the VM-entry MSR-load area";
            case MWAIT -> (v & 1) != 0 ? "monitor armed" : "monitor not armed";
            case APIC_ACCESS -> {
                int type = (int) (v >>> 12) & 15;
                String access = type < APIC_ACCESSES.length ? APIC_ACCESSES[type]
                        : type == 10 ? "physical access during event delivery" : "physical access by an instruction";
                yield "offset %03XH, %s".formatted(v & 0xFFF, access);
            }
            case APIC_WRITE -> "offset %03XH".formatted(v & 0xFFF);
            case EPT_VIOLATION -> eptViolation.describe(v, 0);
            case VMCLEAR, VMPTRLD, VMPTRST, VMREAD, VMWRITE, VMXON, ACCESS_TO_GDTR_OR_IDTR, ACCESS_TO_LDTR_OR_TR, INVEPT, INVVPID, INVPCID,
                    XSAVES, XRSTORS -> "displacement of the operand";
            case PAGE_MODIFICATION_LOG_FULL -> (v & 1 << 12) != 0 ? "NMI unblocking due to IRET" : "";
            case INSTRUCTION_TIMEOUT -> ((v & 1) != 0 ? "VM context invalid" : "VM context valid")
                    + ((v & 1 << 12) != 0 ? ", NMI unblocking due to IRET" : "");
            case RDMSR_IMMEDIATE, WRMSRNS_IMMEDIATE, RDMSRLIST, WRMSRLIST -> "MSR %XH".formatted(v);
            default -> "";
        };
    }

    private static String register(long v) {
        return REGISTERS[(int) (v >>> 8) & 15];
    }

    private static String controlRegister(long v) {
        long cr = v & 15;
        return switch ((int) (v >>> 4) & 3) {
            case 0 -> "MOV to CR%d from %s".formatted(cr, register(v));
            case 1 -> "MOV from CR%d to %s".formatted(cr, register(v));
            case 2 -> "CLTS";
            default -> "LMSW of %04XH%s".formatted(v >>> 16 & 0xFFFF, (v & 0x40) != 0 ? ", from memory" : "");
        };
    }

    private static String io(long v) {
        return "%s%s of %d byte%s %s port %04XH%s".formatted(
                (v & 0x20) != 0 ? "REP " : "",
                (v & 8) != 0 ? (v & 16) != 0 ? "INS" : "IN" : (v & 16) != 0 ? "OUTS" : "OUT",
                (v & 7) + 1,
                (v & 7) == 0 ? "" : "s",
                (v & 8) != 0 ? "from" : "to",
                v >>> 16 & 0xFFFF,
                (v & 0x40) != 0 ? ", immediate" : "");
    }

    private static String guestState(long v) {
        return switch ((int) v) {
            case 2 -> "page-directory-pointer-table entries";
            case 3 -> "injection of an NMI";
            case 4 -> "VMCS link pointer";
            default -> "";
        };
    }
}
