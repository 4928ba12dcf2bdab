package dev.javisor.processor.segment;

/** Fields of a segment or system descriptor, as the eight bytes stand in memory ("Segment Descriptors", "Gate Descriptors"). */
public final class Descriptor {
    // System descriptor types. In IA-32e mode LDT, TSS_*, CALL_GATE, INTERRUPT_GATE and TRAP_GATE are the 64-bit ones.
    public static final int TSS16_AVAILABLE = 1,
            LDT = 2,
            TSS16_BUSY = 3,
            CALL_GATE16 = 4,
            TASK_GATE = 5,
            INTERRUPT_GATE16 = 6,
            TRAP_GATE16 = 7,
            TSS_AVAILABLE = 9,
            TSS_BUSY = 11,
            CALL_GATE = 12,
            INTERRUPT_GATE = 14,
            TRAP_GATE = 15;

    private Descriptor() {}

    public static int type(long d) {
        return (int) (d >>> 40) & 15;
    }

    /** A system segment or gate: S is 0. */
    public static boolean isSystem(long d) {
        return (d >>> 44 & 1) == 0;
    }

    public static int dpl(long d) {
        return (int) (d >>> 45) & 3;
    }

    public static boolean isPresent(long d) {
        return (d >>> 47 & 1) != 0;
    }

    public static boolean isCode(long d) {
        return (d >>> 43 & 3) == 3;
    }

    /** Of a code segment. */
    public static boolean isConforming(long d) {
        return (d >>> 42 & 1) != 0;
    }

    public static boolean isWritableData(long d) {
        return (d >>> 41 & 1) != 0 && (d >>> 43 & 3) == 2;
    }

    /** A data segment, or a code segment that can be read. */
    public static boolean isReadable(long d) {
        return !isSystem(d) && (!isCode(d) || (d >>> 41 & 1) != 0);
    }

    /** L: 64-bit code. */
    public static boolean isLong(long d) {
        return (d >>> 53 & 1) != 0;
    }

    /** D/B. */
    public static boolean isBig(long d) {
        return (d >>> 54 & 1) != 0;
    }

    public static long base(long d) {
        return d >>> 16 & 0xFFFFFF | d >>> 32 & 0xFF000000L;
    }

    /** In bytes, granularity applied. */
    public static long limit(long d) {
        long limit = d & 0xFFFF | d >>> 32 & 0xF0000;
        return (d >>> 55 & 1) == 0 ? limit : limit << 12 | 0xFFF;
    }

    /** Access rights as {@link dev.javisor.processor.core.Cpu#segAccess} holds them. */
    public static int access(long d) {
        return (int) (d >>> 40) & 0xF0FF;
    }

    /** Selector of a gate. */
    public static int gateSelector(long d) {
        return (int) (d >>> 16) & 0xFFFF;
    }

    /** Offset of a gate, bits 31:0. */
    public static long gateOffset(long d) {
        return d & 0xFFFF | d >>> 32 & 0xFFFF0000L;
    }
}
