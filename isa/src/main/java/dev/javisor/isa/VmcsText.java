package dev.javisor.isa;

import dev.javisor.isa.VmxControl.Word;
import java.util.EnumMap;
import java.util.Map;
import java.util.StringJoiner;
import java.util.function.ToLongFunction;

/** What the values of VMCS fields mean, in the manual's words. */
public final class VmcsText {
    private static final String[] INTERRUPTION_TYPES = {
        "external interrupt", "reserved type", "NMI", "hardware exception", "software interrupt", "privileged software exception",
        "software exception", "other event"
    };
    private static final String[] EXCEPTIONS = {
        "#DE", "#DB", null, "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", null, "#TS", "#NP", "#SS", "#GP", "#PF", null, "#MF", "#AC", "#MC",
        "#XM", "#VE", "#CP", null, null, null, null, null, null, "#HV", "#VC", "#SX"
    };
    private static final int DB = 1, PF = 14, VECTOR_AND_TYPE = 0x7FF, HARDWARE_EXCEPTION = 3 << 8;
    private static final String[] CODE_TYPES = {
        "execute-only", "execute-only, accessed", "execute/read", "execute/read, accessed", "execute-only, conforming",
        "execute-only, conforming, accessed", "execute/read, conforming", "execute/read, conforming, accessed"
    };
    private static final String[] DATA_TYPES = {
        "read-only", "read-only, accessed", "read/write", "read/write, accessed", "read-only, expand-down",
        "read-only, expand-down, accessed", "read/write, expand-down", "read/write, expand-down, accessed"
    };
    private static final Map<Integer, String> SYSTEM_TYPES =
            Map.of(1, "available 16-bit TSS", 2, "LDT", 3, "busy 16-bit TSS", 9, "available TSS", 11, "busy TSS");
    private static final String[] ACTIVITIES = {"active", "HLT", "shutdown", "wait-for-SIPI"};
    private static final String[] MEMORY_TYPES = {"UC", "WC", null, null, "WT", "WP", "WB", "UC-"};

    private static final int UNUSABLE = 1 << 16;
    private static final long ENTRY_FAILURE = 1L << 31, BUS_LOCK = 1 << 26;

    private static final BitNames CR0 = BitNames.of("0 PE 1 MP 2 EM 3 TS 4 ET 5 NE 16 WP 18 AM 29 NW 30 CD 31 PG");
    private static final BitNames CR4 = BitNames.of("0 VME 1 PVI 2 TSD 3 DE 4 PSE 5 PAE 6 MCE 7 PGE 8 PCE 9 OSFXSR 10 OSXMMEXCPT 11 UMIP"
            + " 12 LA57 13 VMXE 14 SMXE 16 FSGSBASE 17 PCIDE 18 OSXSAVE 19 KL 20 SMEP 21 SMAP 22 PKE 23 CET 24 PKS 25 UINTR 27 LASS"
            + " 28 LAM_SUP 32 FRED");
    private static final BitNames EFER = BitNames.of("0 SCE 8 LME 10 LMA 11 NXE");
    private static final BitNames RFLAGS = BitNames.of("0 CF 2 PF 4 AF 6 ZF 7 SF 8 TF 9 IF 10 DF 11 OF 14 NT 16 RF 17 VM 18 AC 19 VIF"
            + " 20 VIP 21 ID");
    private static final BitNames DEBUGCTL = BitNames.of("0 LBR 1 BTF 2 BLD 6 TR 7 BTS 8 BTINT 14 FREEZE_WHILE_SMM 15 RTM");
    private static final BitNames DR7 = BitNames.of("0 L0 1 G0 2 L1 3 G1 4 L2 5 G2 6 L3 7 G3 8 LE 9 GE 11 RTM 13 GD");
    private static final BitNames INTERRUPTIBILITY =
            BitNames.of("0 blocking-by-STI 1 blocking-by-MOV-SS 2 blocking-by-SMI 3 blocking-by-NMI 4 enclave-interruption");
    private static final BitNames PENDING_DEBUG = BitNames.of("0 B0 1 B1 2 B2 3 B3 11 BLD 12 enabled-breakpoint 14 BS 16 RTM");
    private static final BitNames DEBUG_QUALIFICATION = BitNames.of("0 B0 1 B1 2 B2 3 B3 11 BLD 13 BD 14 BS 16 RTM");
    private static final BitNames EPT_VIOLATION = BitNames.of("0 read 1 write 2 fetch 3 readable 4 writable 5 executable 6 user-executable"
            + " 7 linear-address-valid 8 final-translation 9 user-page 10 writable-page 11 execute-disabled-page 12 NMI-unblocking"
            + " 13 shadow-stack-access 14 supervisor-shadow-stack 15 guest-paging-verification 16 asynchronous");
    private static final BitNames S_CET = BitNames.of("0 SH_STK_EN 1 WR_SHSTK_EN 2 ENDBR_EN 3 LEG_IW_EN 4 NO_TRACK_EN 5 SUPPRESS_DIS"
            + " 10 SUPPRESS 11 TRACKER");
    private static final BitNames VM_FUNCTIONS = BitNames.of("0 EPTP-switching");

    private static final Map<VmcsField, BitNames> NAMES = names();
    private static final Map<VmcsField, Word> WORDS = Map.of(
            VmcsField.PIN_CONTROLS, Word.PIN_BASED,
            VmcsField.PRIMARY_CONTROLS, Word.PRIMARY,
            VmcsField.SECONDARY_CONTROLS, Word.SECONDARY,
            VmcsField.TERTIARY_CONTROLS, Word.TERTIARY,
            VmcsField.EXIT_CONTROLS, Word.EXIT,
            VmcsField.SECONDARY_EXIT_CONTROLS, Word.SECONDARY_EXIT,
            VmcsField.ENTRY_CONTROLS, Word.ENTRY);

    private VmcsText() {}

    private static Map<VmcsField, BitNames> names() {
        Map<VmcsField, BitNames> m = new EnumMap<>(VmcsField.class);
        m.put(VmcsField.PIN_CONTROLS, BitNames.of(Word.PIN_BASED));
        m.put(VmcsField.PRIMARY_CONTROLS, BitNames.of(Word.PRIMARY));
        m.put(VmcsField.SECONDARY_CONTROLS, BitNames.of(Word.SECONDARY));
        m.put(VmcsField.TERTIARY_CONTROLS, BitNames.of(Word.TERTIARY));
        m.put(VmcsField.EXIT_CONTROLS, BitNames.of(Word.EXIT));
        m.put(VmcsField.SECONDARY_EXIT_CONTROLS, BitNames.of(Word.SECONDARY_EXIT));
        m.put(VmcsField.ENTRY_CONTROLS, BitNames.of(Word.ENTRY));
        for (VmcsField f : new VmcsField[] {VmcsField.GUEST_CR0, VmcsField.HOST_CR0, VmcsField.CR0_MASK, VmcsField.CR0_READ_SHADOW}) {
            m.put(f, CR0);
        }
        for (VmcsField f : new VmcsField[] {VmcsField.GUEST_CR4, VmcsField.HOST_CR4, VmcsField.CR4_MASK, VmcsField.CR4_READ_SHADOW}) {
            m.put(f, CR4);
        }
        m.put(VmcsField.GUEST_EFER, EFER);
        m.put(VmcsField.HOST_EFER, EFER);
        m.put(VmcsField.GUEST_RFLAGS, RFLAGS);
        m.put(VmcsField.GUEST_DEBUGCTL, DEBUGCTL);
        m.put(VmcsField.GUEST_DR7, DR7);
        m.put(VmcsField.GUEST_INTERRUPTIBILITY, INTERRUPTIBILITY);
        m.put(VmcsField.GUEST_PENDING_DEBUG, PENDING_DEBUG);
        m.put(VmcsField.GUEST_S_CET, S_CET);
        m.put(VmcsField.HOST_S_CET, S_CET);
        m.put(VmcsField.VM_FUNCTION_CONTROLS, VM_FUNCTIONS);
        return m;
    }

    /** Names of the bits of a field. */
    public static BitNames bits(VmcsField f) {
        return NAMES.getOrDefault(f, BitNames.NONE);
    }

    /** The field that holds a word of controls. */
    public static VmcsField field(Word w) {
        for (Map.Entry<VmcsField, Word> e : WORDS.entrySet()) {
            if (e.getValue() == w) {
                return e.getKey();
            }
        }
        throw new AssertionError(w);
    }

    /**
     * What a field's value means, or the empty text when it means no more than its number.
     *
     * @param vmcs the values of all fields, as some explain others
     */
    public static String describe(VmcsField f, ToLongFunction<VmcsField> vmcs) {
        long v = vmcs.applyAsLong(f);
        Word w = WORDS.get(f);
        if (w != null) {
            return bits(f).describe(v, w.default1);
        }
        return switch (f) {
            case GUEST_ES_ACCESS_RIGHTS, GUEST_CS_ACCESS_RIGHTS, GUEST_SS_ACCESS_RIGHTS, GUEST_DS_ACCESS_RIGHTS, GUEST_FS_ACCESS_RIGHTS,
                    GUEST_GS_ACCESS_RIGHTS, GUEST_LDTR_ACCESS_RIGHTS, GUEST_TR_ACCESS_RIGHTS -> accessRights(v);
            case ENTRY_INTERRUPTION_INFO, EXIT_INTERRUPTION_INFO, IDT_VECTORING_INFO -> interruption(v);
            case EXIT_REASON -> exitReason(v);
            case EXIT_QUALIFICATION -> qualification(v, vmcs);
            case EXIT_INSTRUCTION_INFO -> instruction(v, vmcs);
            case VM_INSTRUCTION_ERROR -> error(v);
            case GUEST_ACTIVITY -> v < ACTIVITIES.length ? ACTIVITIES[(int) v] : "no activity state";
            case EXCEPTION_BITMAP -> exceptions(v);
            case EPT_POINTER -> eptPointer(v);
            case GUEST_PAT, HOST_PAT -> pat(v);
            case GUEST_INTERRUPT_STATUS -> "RVI %02XH, SVI %02XH".formatted(v & 0xFF, v >>> 8);
            case VMCS_LINK_POINTER -> v == -1 ? "none" : "";
            case TSC_OFFSET -> Long.toString(v);
            case GUEST_RFLAGS -> RFLAGS.describe(v, 2);
            case GUEST_DR7 -> DR7.describe(v & 0xFFFF, 0x400);
            default -> NAMES.containsKey(f) ? bits(f).describe(v, 0) : "";
        };
    }

    /** Access rights of a segment. */
    static String accessRights(long v) {
        int type = (int) v & 15;
        StringJoiner t = new StringJoiner(", ");
        if ((v & UNUSABLE) != 0) {
            t.add("unusable");
        }
        if ((v & 0x10) == 0) {
            t.add("type " + type + " (" + SYSTEM_TYPES.getOrDefault(type, "no TSS or LDT") + ")");
        } else {
            t.add("type " + type + (type < 8 ? " (data, " + DATA_TYPES[type] : " (code, " + CODE_TYPES[type & 7]) + ")");
            t.add("S");
        }
        t.add("DPL " + (v >>> 5 & 3));
        t.add((v & 0x80) != 0 ? "P" : "not present");
        if ((v & 0x1000) != 0) {
            t.add("AVL");
        }
        if ((v & 0x2000) != 0) {
            t.add("L");
        }
        if ((v & 0x4000) != 0) {
            t.add("D/B");
        }
        if ((v & 0x8000) != 0) {
            t.add("G");
        }
        long reserved = v & 0xFFFE_0F00L;
        if (reserved != 0) {
            t.add("reserved " + BitNames.NONE.list(reserved));
        }
        return t.toString();
    }

    /** An exception as the manual writes it: {@code #PF}, {@code NMI}; its number when it has no name. */
    public static String exception(int vector) {
        return vector < EXCEPTIONS.length && EXCEPTIONS[vector] != null ? EXCEPTIONS[vector] : "vector " + vector;
    }

    /** An interruption-information field. */
    static String interruption(long v) {
        if ((v & 1L << 31) == 0) {
            return "not valid";
        }
        int type = (int) v >>> 8 & 7;
        int vector = (int) v & 0xFF;
        StringBuilder t = new StringBuilder(INTERRUPTION_TYPES[type]);
        switch (type) {
            case 3, 5, 6 -> t.append(' ').append(exception(vector));
            case 7 -> t.append(vector == 0 ? " (pending MTF VM exit)" : " " + vector);
            default -> t.append(" %02XH".formatted(vector));
        }
        if ((v & 0x800) != 0) {
            t.append(", error code");
        }
        if ((v & 0x1000) != 0) {
            t.append(", NMI unblocking due to IRET");
        }
        long reserved = v & 0x7FFF_E000;
        return reserved == 0 ? t.toString() : t + ", reserved " + BitNames.NONE.list(reserved);
    }

    private static String exitReason(long v) {
        ExitReason r = ExitReason.of((int) v & 0xFFFF);
        String name = r == null ? "no known reason" : r.text;
        boolean said = name.startsWith("VM-entry failure");
        return (v & 0xFFFF) + ", " + name + ((v & ENTRY_FAILURE) != 0 && !said ? ", VM-entry failure" : "")
                + ((v & BUS_LOCK) != 0 ? ", bus lock" : "");
    }

    private static String error(long v) {
        return v == 0 ? "" : VmxError.of((int) v) == null ? "no known error" : VmxError.of((int) v).text;
    }

    private static String exceptions(long bitmap) {
        StringJoiner t = new StringJoiner(" ");
        for (int i = 0; i < 32; i++) {
            if ((bitmap >>> i & 1) != 0) {
                t.add(i < EXCEPTIONS.length && EXCEPTIONS[i] != null ? EXCEPTIONS[i] : Integer.toString(i));
            }
        }
        return t.toString();
    }

    private static String memoryType(int type) {
        return type < MEMORY_TYPES.length && MEMORY_TYPES[type] != null ? MEMORY_TYPES[type] : "no memory type (" + type + ")";
    }

    private static String eptPointer(long v) {
        return "%s, %d levels%s, table at %#x".formatted(
                memoryType((int) v & 7), (v >>> 3 & 7) + 1, (v & 0x40) != 0 ? ", accessed and dirty flags" : "", v & ~0xFFFL);
    }

    private static String pat(long v) {
        StringJoiner t = new StringJoiner(" ");
        for (int i = 0; i < 64; i += 8) {
            t.add(memoryType((int) (v >>> i) & 0xFF));
        }
        return t.toString();
    }

    private static ExitReason reason(ToLongFunction<VmcsField> vmcs) {
        return ExitReason.of((int) vmcs.applyAsLong(VmcsField.EXIT_REASON) & 0xFFFF);
    }

    private static String instruction(long v, ToLongFunction<VmcsField> vmcs) {
        ExitReason r = reason(vmcs);
        return r == null ? "" : InstructionInformation.describe(r, v, vmcs.applyAsLong(VmcsField.EXIT_QUALIFICATION));
    }

    private static String qualification(long v, ToLongFunction<VmcsField> vmcs) {
        ExitReason r = reason(vmcs);
        if (r == null) {
            return "";
        }
        if (r != ExitReason.EXCEPTION_OR_NMI) {
            return ExitQualification.describe(r, v, EPT_VIOLATION);
        }
        return switch ((int) vmcs.applyAsLong(VmcsField.EXIT_INTERRUPTION_INFO) & VECTOR_AND_TYPE) {
            case HARDWARE_EXCEPTION | PF -> "faulting linear address";
            case HARDWARE_EXCEPTION | DB -> DEBUG_QUALIFICATION.describe(v, 0);
            default -> "";
        };
    }
}
