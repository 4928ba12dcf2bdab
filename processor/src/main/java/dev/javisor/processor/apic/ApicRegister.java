package dev.javisor.processor.apic;

/**
 * The registers of the local APIC: offset in the register page (the x2APIC MSR is 800H plus a sixteenth of it), who may read and write
 * them in which mode, and the bits that software may set ("Local APIC Register Address Map", "x2APIC Register Address Space").
 */
enum ApicRegister {
    ID(0x020, "RW", "R", 0xFF000000),
    VERSION(0x030, "R", "R", 0),
    TASK_PRIORITY(0x080, "RW", "RW", 0xFF),
    ARBITRATION_PRIORITY(0x090, "R", "", 0),
    PROCESSOR_PRIORITY(0x0A0, "R", "R", 0),
    EOI(0x0B0, "W", "W", 0),
    REMOTE_READ(0x0C0, "R", "", 0),
    LOGICAL_DESTINATION(0x0D0, "RW", "R", 0xFF000000),
    DESTINATION_FORMAT(0x0E0, "RW", "", 0xF0000000),
    SPURIOUS_VECTOR(0x0F0, "RW", "RW", 0x3FF),
    IN_SERVICE(0x100, "R", "R", 0),
    TRIGGER_MODE(0x180, "R", "R", 0),
    REQUEST(0x200, "R", "R", 0),
    ERROR_STATUS(0x280, "RW", "RW", 0),
    LVT_CMCI(0x2F0, "RW", "RW", 0x107FF),
    COMMAND(0x300, "RW", "RW", 0xCDFFF),
    COMMAND_HIGH(0x310, "RW", "", 0xFF000000),
    LVT_TIMER(0x320, "RW", "RW", 0x700FF),
    LVT_THERMAL(0x330, "RW", "RW", 0x107FF),
    LVT_PERFORMANCE(0x340, "RW", "RW", 0x107FF),
    LVT_LINT0(0x350, "RW", "RW", 0x1A7FF),
    LVT_LINT1(0x360, "RW", "RW", 0x1A7FF),
    LVT_ERROR(0x370, "RW", "RW", 0x100FF),
    INITIAL_COUNT(0x380, "RW", "RW", -1),
    CURRENT_COUNT(0x390, "R", "R", 0),
    DIVIDE_CONFIGURATION(0x3E0, "RW", "RW", 0xB),
    SELF_IPI(0x3F0, "", "W", 0xFF);

    private static final ApicRegister[] BY_INDEX = new ApicRegister[64];

    static {
        for (ApicRegister r : values()) {
            BY_INDEX[r.offset >> 4] = r;
        }
        for (ApicRegister r : new ApicRegister[] {IN_SERVICE, TRIGGER_MODE, REQUEST}) {
            for (int i = 0; i < 8; i++) {
                BY_INDEX[(r.offset >> 4) + i] = r;
            }
        }
    }

    final int offset;
    /** Bits that software may set. */
    final int writable;

    private final String access;
    private final String x2access;

    ApicRegister(int offset, String access, String x2access, int writable) {
        this.offset = offset;
        this.access = access;
        this.x2access = x2access;
        this.writable = writable;
    }

    /** The register at a sixteenth of its offset, or null. */
    static ApicRegister at(int index) {
        return index < BY_INDEX.length ? BY_INDEX[index] : null;
    }

    boolean readable(boolean x2apic) {
        return (x2apic ? x2access : access).startsWith("R");
    }

    boolean writable(boolean x2apic) {
        return (x2apic ? x2access : access).endsWith("W");
    }
}
