package dev.javisor.processor.vmx;

import dev.javisor.isa.ExitReason;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxControl;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Occurrence;
import dev.javisor.processor.event.Boundary;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/** The virtual-APIC page and what happens to it: "APIC Virtualization and Virtual Interrupts". */
final class VirtualApic implements Stateful {
    // Offsets in the virtual-APIC page
    static final int TPR = 0x80, PPR = 0xA0, EOI = 0xB0, ISR = 0x100, IRR = 0x200, ICR_LOW = 0x300, ICR_HIGH = 0x310, SELF_IPI = 0x3F0;

    private static final int ID = 0x20, VERSION = 0x30, LDR = 0xD0, DFR = 0xE0, SVR = 0xF0, ESR = 0x280, LVT_TIMER = 0x320;
    private static final int LVT_ERROR = 0x370, INITIAL_COUNT = 0x380, DIVIDE = 0x3E0, END = 0x400;

    // Access types in the qualification of an APIC access
    private static final long WRITE = 1 << 12, FETCH = 2 << 12, EVENT_DELIVERY = 3 << 12;
    private static final long GUEST_PHYSICAL_DELIVERY = 10 << 12, GUEST_PHYSICAL = 15 << 12;

    /** Bits of the interrupt command that a self-IPI has clear; its shorthand. */
    private static final long NOT_SELF_IPI = 0xFFF3_B700L, SHORTHAND = 3 << 18, SELF = 1 << 18;

    /** Posted-interrupt descriptor: requests in the first 32 bytes, then the outstanding-notification bit. */
    private static final int OUTSTANDING = 32;

    private static final int X2APIC_FIRST = 0x800, X2APIC_LAST = 0x8FF, X2APIC_TPR = 0x808, X2APIC_EOI = 0x80B, X2APIC_SELF_IPI = 0x83F;
    private static final int EOI_MSR = 0xB;
    private static final long X2APIC_ENABLED = 0x400;

    private final NonRoot guest;
    private final Cpu cpu;
    private final PhysicalMemory memory;
    /** A virtual interrupt is recognized. */
    private boolean pending;
    /** A trap-like exit that comes behind the running instruction, by number, or 0. */
    private int trap;

    private long trapQualification;

    VirtualApic(NonRoot guest) {
        this.guest = guest;
        this.cpu = guest.vmx.cpu;
        this.memory = cpu.memory;
    }

    private boolean on(VmxControl control) {
        return guest.on(control);
    }

    private long page() {
        return guest.vmx.current.get(VmcsField.VIRTUAL_APIC_ADDRESS);
    }

    private int read(int register) {
        return (int) memory.read(page() + register, 4);
    }

    private void write(int register, int value) {
        memory.write(page() + register, 4, value);
    }

    private int requestingVector() {
        return (int) guest.vmx.current.get(VmcsField.GUEST_INTERRUPT_STATUS) & 0xFF;
    }

    private int servicingVector() {
        return (int) guest.vmx.current.get(VmcsField.GUEST_INTERRUPT_STATUS) >>> 8;
    }

    private void setStatus(int requesting, int servicing) {
        guest.vmx.current.set(VmcsField.GUEST_INTERRUPT_STATUS, requesting | servicing << 8);
    }

    // ---- the guest's turn ----

    /** The guest is about to run. */
    void begin() {
        pending = false;
        trap = 0;
        cpu.apicAccessPage = on(VmxControl.VIRTUALIZE_APIC_ACCESSES) ? guest.vmx.current.get(VmcsField.APIC_ACCESS_ADDRESS) : -1;
        if (on(VmxControl.VIRTUAL_INTERRUPT_DELIVERY)) {
            virtualizePpr();
            evaluate();
        } else if (on(VmxControl.USE_TPR_SHADOW) && on(VmxControl.VIRTUALIZE_APIC_ACCESSES)) {
            checkThreshold();
        }
    }

    void end() {
        cpu.apicAccessPage = -1;
        pending = false;
        trap = 0;
    }

    boolean isPending() {
        return pending;
    }

    boolean hasTrap() {
        return trap != 0;
    }

    /** The trap-like exit that is due. */
    VmExit trap() {
        return guest.exit.of(ExitReason.of(trap), trapQualification);
    }

    /** Whoever completes the access lets its time pass. */
    private void trap(ExitReason reason, long qualification) {
        cpu.latency = 0;
        trap = reason.number;
        trapQualification = qualification;
        cpu.request(Cpu.GUEST_REQUEST);
    }

    // ---- task priority ----

    int cr8() {
        return read(TPR) >>> 4 & 15;
    }

    void setCr8(long value) {
        write(TPR, (int) value << 4);
        virtualizeTpr();
    }

    private void virtualizeTpr() {
        if (on(VmxControl.VIRTUAL_INTERRUPT_DELIVERY)) {
            virtualizePpr();
            evaluate();
        } else {
            checkThreshold();
        }
    }

    private void checkThreshold() {
        if (cr8() < (guest.vmx.current.get(VmcsField.TPR_THRESHOLD) & 15)) {
            trap(ExitReason.TPR_BELOW_THRESHOLD, 0);
        }
    }

    private void virtualizePpr() {
        int tpr = read(TPR) & 0xFF;
        int servicing = servicingVector() & 0xF0;
        write(PPR, (tpr & 0xF0) >= servicing ? tpr : servicing);
    }

    // ---- virtual interrupts ----

    private void evaluate() {
        pending = !on(VmxControl.INTERRUPT_WINDOW_EXITING) && (requestingVector() & 0xF0) > (read(PPR) & 0xF0);
        if (pending) {
            cpu.request(Cpu.GUEST_REQUEST);
        }
    }

    private void setBit(int row, int vector, boolean value) {
        int register = row + (vector >>> 5 << 4);
        int bit = 1 << (vector & 31);
        int old = read(register);
        write(register, value ? old | bit : old & ~bit);
    }

    /** The highest vector of a row of registers, or 0. */
    private int highest(int row) {
        for (int i = 7; i >= 0; i--) {
            int bits = read(row + (i << 4));
            if (bits != 0) {
                return i << 5 | 31 - Integer.numberOfLeadingZeros(bits);
            }
        }
        return 0;
    }

    /** "Virtual-Interrupt Delivery". */
    void deliver() {
        int vector = requestingVector();
        setBit(ISR, vector, true);
        write(PPR, vector & 0xF0);
        setBit(IRR, vector, false);
        setStatus(highest(IRR), vector);
        pending = false;
        if (cpu.tracer != null) {
            cpu.tracer.trace(cpu, new Occurrence.Acknowledged(vector, false));
        }
        Boundary.deliverVector(cpu, vector);
    }

    private void virtualizeEoi() {
        int vector = servicingVector();
        if (cpu.tracer != null) {
            cpu.tracer.trace(cpu, new Occurrence.Ended(vector));
        }
        setBit(ISR, vector, false);
        setStatus(requestingVector(), highest(ISR));
        virtualizePpr();
        VmcsField bitmap = VmcsField.of(VmcsField.EOI_EXIT_BITMAP_0.encoding + 2 * (vector >>> 6));
        if ((guest.vmx.current.get(bitmap) >>> (vector & 63) & 1) != 0) {
            trap(ExitReason.VIRTUALIZED_EOI, vector);
        } else {
            evaluate();
        }
    }

    private void virtualizeSelfIpi(int vector) {
        setBit(IRR, vector, true);
        setStatus(Math.max(requestingVector(), vector), servicingVector());
        evaluate();
    }

    /** "Posted-Interrupt Processing". @return whether the vector is the notification, which does not exit. */
    boolean isNotification(int vector) {
        if (!on(VmxControl.PROCESS_POSTED_INTERRUPTS) || vector != guest.vmx.current.get(VmcsField.POSTED_INTERRUPT_VECTOR)) {
            return false;
        }
        long descriptor = guest.vmx.current.get(VmcsField.POSTED_INTERRUPT_DESCRIPTOR);
        memory.write(descriptor + OUTSTANDING, 1, memory.read(descriptor + OUTSTANDING, 1) & ~1);
        endOfNotification();
        int posted = 0;
        for (int i = 0; i < 8; i++) {
            int requests = (int) memory.read(descriptor + 4 * i, 4);
            if (requests != 0) {
                memory.write(descriptor + 4 * i, 4, 0);
                write(IRR + (i << 4), read(IRR + (i << 4)) | requests);
                posted = i << 5 | 31 - Integer.numberOfLeadingZeros(requests);
            }
        }
        setStatus(Math.max(requestingVector(), posted), servicingVector());
        evaluate();
        return true;
    }

    private void endOfNotification() {
        if (cpu.apic == null) {
            return;
        }
        if (cpu.apic.mmioEnabled()) {
            cpu.apic.write(EOI, 4, 0);
        } else if ((cpu.apicBaseMsr & X2APIC_ENABLED) != 0) {
            cpu.apic.writeMsr(EOI_MSR, 0);
        }
    }

    // ---- the APIC-access page ----

    private VmExit accessExit(int offset, long type) {
        return exit(offset | (cpu.delivering != null ? EVENT_DELIVERY : type));
    }

    private VmExit exit(long qualification) {
        int length = guest.runningLength();
        VmExit exit = guest.exit.of(ExitReason.APIC_ACCESS, qualification);
        exit.faultLike = true;
        exit.instructionLength = length;
        return exit;
    }

    /** By a guest-physical address that no linear address was translated to: the guest's paging structures. */
    VmExit guestPhysicalExit(int offset) {
        return exit(offset | (cpu.delivering != null ? GUEST_PHYSICAL_DELIVERY : GUEST_PHYSICAL));
    }

    VmExit fetchExit(int offset) {
        return accessExit(offset, FETCH);
    }

    private boolean isRegister(int offset, int size) {
        return on(VmxControl.USE_TPR_SHADOW) && offset < END && (offset & 15) + size <= 4;
    }

    /** @return what a read of the page yields. @throws VmExit unless it is virtualized */
    long load(int offset, int size) {
        int register = offset & ~15;
        if (!isRegister(offset, size) || register != TPR && !(on(VmxControl.APIC_REGISTER_VIRTUALIZATION) && isReadable(register))) {
            throw accessExit(offset, 0);
        }
        return read(register) >>> 8 * (offset & 3) & (size == 4 ? -1 : (1 << 8 * size) - 1) & 0xFFFF_FFFFL;
    }

    private static boolean isReadable(int register) {
        return switch (register) {
            case ID, VERSION, TPR, EOI, LDR, DFR, SVR, ESR, ICR_LOW, ICR_HIGH, INITIAL_COUNT, DIVIDE -> true;
            default -> register >= ISR && register < ESR || register >= LVT_TIMER && register <= LVT_ERROR;
        };
    }

    /** @throws VmExit unless a write to the page is virtualized */
    void checkStore(int offset, int size) {
        int register = offset & ~15;
        boolean virtualized = isRegister(offset, size)
                && (register == TPR
                        || on(VmxControl.APIC_REGISTER_VIRTUALIZATION) && isWritable(register)
                        || on(VmxControl.VIRTUAL_INTERRUPT_DELIVERY) && (register == EOI || register == ICR_LOW));
        if (!virtualized) {
            throw accessExit(offset, WRITE);
        }
    }

    private static boolean isWritable(int register) {
        return switch (register) {
            case ID, TPR, EOI, LDR, DFR, SVR, ESR, ICR_LOW, ICR_HIGH, INITIAL_COUNT, DIVIDE -> true;
            default -> register >= LVT_TIMER && register <= LVT_ERROR;
        };
    }

    /** A write that is virtualized: to the virtual-APIC page first, then its emulation ("APIC-Write Emulation"). */
    void store(int offset, int size, long value) {
        memory.write(page() + offset, size, value);
        int register = offset & ~15;
        boolean delivers = on(VmxControl.VIRTUAL_INTERRUPT_DELIVERY);
        switch (register) {
            case TPR -> {
                write(TPR, read(TPR) & 0xFF);
                virtualizeTpr();
            }
            case ICR_HIGH -> write(ICR_HIGH, read(ICR_HIGH) & 0xFF00_0000);
            case EOI -> {
                if (delivers) {
                    write(EOI, 0);
                    virtualizeEoi();
                } else {
                    trap(ExitReason.APIC_WRITE, register);
                }
            }
            case ICR_LOW -> {
                int command = read(ICR_LOW);
                boolean self = (command & NOT_SELF_IPI) == 0 && (command & SHORTHAND) == SELF && (command & 0xF0) != 0;
                if (delivers && self) {
                    virtualizeSelfIpi(command & 0xFF);
                } else {
                    trap(ExitReason.APIC_WRITE, register);
                }
            }
            default -> trap(ExitReason.APIC_WRITE, register);
        }
    }

    // ---- x2APIC mode ----

    private boolean isX2apic(int index) {
        return on(VmxControl.VIRTUALIZE_X2APIC_MODE) && index >= X2APIC_FIRST && index <= X2APIC_LAST;
    }

    /** RDMSR reads the virtual-APIC page. */
    boolean virtualizesRead(int index) {
        return isX2apic(index) && (index == X2APIC_TPR || on(VmxControl.APIC_REGISTER_VIRTUALIZATION));
    }

    long readMsr(int index) {
        return memory.read(page() + ((index & 0xFF) << 4), 8);
    }

    /** WRMSR; done to the virtual-APIC page if it returns true. */
    boolean writeMsr(int index, long value) {
        boolean delivers = on(VmxControl.VIRTUAL_INTERRUPT_DELIVERY) && (index == X2APIC_EOI || index == X2APIC_SELF_IPI);
        if (!isX2apic(index) || index != X2APIC_TPR && !delivers) {
            return false;
        }
        long limit = index == X2APIC_EOI ? 0 : 0xFF;
        if ((value & ~limit) != 0) {
            throw cpu.gp0();
        }
        memory.write(page() + ((index & 0xFF) << 4), 8, value);
        switch (index) {
            case X2APIC_TPR -> virtualizeTpr();
            case X2APIC_EOI -> virtualizeEoi();
            default -> {
                if (value >= 16) {
                    virtualizeSelfIpi((int) value);
                } else {
                    trap(ExitReason.APIC_WRITE, SELF_IPI);
                }
            }
        }
        return true;
    }

    // ---- state ----

    @Override
    public void save(StateOutput out) {
        out.putBoolean("virtual interrupt pending", pending);
        out.putInt("trap", trap);
        out.putLong("trap qualification", trapQualification);
        out.putLong("APIC-access page", cpu.apicAccessPage);
    }

    @Override
    public void load(StateInput in) {
        pending = in.getBoolean("virtual interrupt pending");
        trap = in.getInt("trap");
        trapQualification = in.getLong("trap qualification");
        cpu.apicAccessPage = in.getLong("APIC-access page");
    }
}
