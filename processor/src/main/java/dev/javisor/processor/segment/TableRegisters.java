package dev.javisor.processor.segment;

import static dev.javisor.processor.segment.DescriptorTables.errorCode;

import dev.javisor.isa.Feature;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.GuestControl.Intercept;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** LGDT, LIDT, SGDT, SIDT, LLDT, LTR, SLDT, STR, SMSW. */
public final class TableRegisters {
    private TableRegisters() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "LGDT" -> TableRegisters::lgdt;
            case "LIDT" -> TableRegisters::lidt;
            case "SGDT" -> TableRegisters::sgdt;
            case "SIDT" -> TableRegisters::sidt;
            case "LLDT" -> TableRegisters::lldt;
            case "LTR" -> TableRegisters::ltr;
            case "SLDT" -> TableRegisters::sldt;
            case "STR" -> TableRegisters::str;
            case "SMSW" -> TableRegisters::smsw;
            default -> null;
        };
    }

    /**
     * Canonical for the widest linear addresses that the processor has, whatever the paging mode: the rule of registers that hold a base.
     */
    public static boolean canonicalForProcessor(Cpu c, long linear) {
        int shift = 64 - (c.has(Feature.LA57) ? 57 : 48);
        return linear << shift >> shift == linear;
    }

    static void lgdt(Cpu c, Op o) {
        checkSupervisor(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.LGDT);
        }
        int limit = loadLimit(c, o);
        long base = loadBase(c, o);
        c.gdtBase = base;
        c.gdtLimit = limit;
    }

    static void lidt(Cpu c, Op o) {
        checkSupervisor(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.LIDT);
        }
        int limit = loadLimit(c, o);
        long base = loadBase(c, o);
        c.idtBase = base;
        c.idtLimit = limit;
    }

    private static void checkSupervisor(Cpu c) {
        if (c.cpl != 0) {
            throw c.gp0();
        }
    }

    private static int baseSize(Cpu c) {
        return c.codeSize64 ? 8 : 4;
    }

    private static int loadLimit(Cpu c, Op o) {
        return Memory.load16(c, Memory.readAddress(c, o, 2 + baseSize(c)), o.segment);
    }

    private static long loadBase(Cpu c, Op o) {
        int size = baseSize(c);
        long base = Memory.load(c, Memory.readAddress(c, o, 2 + size) + 2 & c.linearWrap, size, o.segment);
        if (size == 8 && !canonicalForProcessor(c, base)) {
            throw c.gp0();
        }
        return size == 4 && o.instruction.operandSize == 16 ? base & 0xFFFFFF : base;
    }

    static void sgdt(Cpu c, Op o) {
        checkUserMode(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.SGDT);
        }
        storeTable(c, o, c.gdtLimit, c.gdtBase);
    }

    static void sidt(Cpu c, Op o) {
        checkUserMode(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.SIDT);
        }
        storeTable(c, o, c.idtLimit, c.idtBase);
    }

    private static void storeTable(Cpu c, Op o, int limit, long base) {
        int size = baseSize(c);
        long la = Memory.writeAddress(c, o, 2 + size);
        Memory.probe(c, la + 2 & c.linearWrap, size, o.segment, true);
        Memory.store16(c, la, o.segment, limit);
        Memory.store(c, la + 2 & c.linearWrap, size, o.segment, base);
    }

    /** CR4.UMIP keeps what describes the system from programs above CPL 0. */
    private static void checkUserMode(Cpu c) {
        if (c.cpl != 0 && (c.cr4 & Cr.UMIP) != 0) {
            throw c.gp0();
        }
    }

    static void requireProtectedMode(Cpu c) {
        if (!c.protectedNotV86()) {
            throw c.ud();
        }
    }

    static int selectorOperand(Cpu c, Op o) {
        return o.instruction.memory ? Memory.load16(c, Memory.readAddress(c, o, 2), o.segment) : (int) c.gpr[o.rm] & 0xFFFF;
    }

    static void lldt(Cpu c, Op o) {
        requireProtectedMode(c);
        checkSupervisor(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.LLDT);
        }
        int selector = selectorOperand(c, o);
        if (DescriptorTables.isNull(selector)) {
            SegmentRegisters.setNull(c, Cpu.LDTR, selector);
            return;
        }
        long d = systemDescriptor(c, selector);
        if (!Descriptor.isSystem(d) || Descriptor.type(d) != Descriptor.LDT) {
            throw c.fault(Event.GP, errorCode(selector, 0));
        }
        load(c, Cpu.LDTR, selector, d);
    }

    static void ltr(Cpu c, Op o) {
        requireProtectedMode(c);
        checkSupervisor(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.LTR);
        }
        int selector = selectorOperand(c, o);
        if (DescriptorTables.isNull(selector)) {
            throw c.gp0();
        }
        long d = systemDescriptor(c, selector);
        int type = Descriptor.type(d);
        boolean available = type == Descriptor.TSS_AVAILABLE || type == Descriptor.TSS16_AVAILABLE && !c.longMode();
        if (!Descriptor.isSystem(d) || !available) {
            throw c.fault(Event.GP, errorCode(selector, 0));
        }
        load(c, Cpu.TR, selector, d);
        c.segAccess[Cpu.TR] |= 2;
    }

    private static long systemDescriptor(Cpu c, int selector) {
        if ((selector & 4) != 0) {
            throw c.fault(Event.GP, errorCode(selector, 0));
        }
        return DescriptorTables.read(c, selector, Event.GP, 0);
    }

    private static void load(Cpu c, int register, int selector, long d) {
        if (!Descriptor.isPresent(d)) {
            throw c.fault(Event.NP, errorCode(selector, 0));
        }
        long base = Descriptor.base(d);
        if (c.longMode()) {
            long upper = DescriptorTables.readUpper(c, selector, Event.GP, 0);
            base |= upper << 32;
            if ((upper >>> 40 & 0x1F) != 0 || !canonicalForProcessor(c, base)) {
                throw c.fault(Event.GP, errorCode(selector, 0));
            }
        }
        if (register == Cpu.TR) {
            DescriptorTables.setBusy(c, selector, true);
        }
        SegmentRegisters.set(c, register, selector, d);
        c.segBase[register] = base;
    }

    static void sldt(Cpu c, Op o) {
        requireProtectedMode(c);
        checkUserMode(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.SLDT);
        }
        storeWord(c, o, c.selector[Cpu.LDTR]);
    }

    static void str(Cpu c, Op o) {
        requireProtectedMode(c);
        checkUserMode(c);
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.STR);
        }
        storeWord(c, o, c.selector[Cpu.TR]);
    }

    static void smsw(Cpu c, Op o) {
        checkUserMode(c);
        storeWord(c, o, c.guest == null ? c.cr0 : c.guest.readCr(c, o, 0, c.cr0));
    }

    /** Memory takes 16 bits; a register as many as the operand size says. */
    private static void storeWord(Cpu c, Op o, long value) {
        if (o.instruction.memory) {
            Memory.store16(c, Memory.writeAddress(c, o, 2), o.segment, (int) value);
        } else {
            c.gpr[o.rm] = switch (o.instruction.operandSize) {
                case 16 -> c.gpr[o.rm] & ~0xFFFFL | value & 0xFFFF;
                case 32 -> value & 0xFFFFFFFFL;
                default -> value;
            };
        }
    }
}
