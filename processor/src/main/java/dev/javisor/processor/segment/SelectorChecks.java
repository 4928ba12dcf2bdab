package dev.javisor.processor.segment;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** LAR, LSL, VERR, VERW, ARPL: questions about selectors, answered in ZF instead of by a fault. */
public final class SelectorChecks {
    /** What {@link #lookUp} returns for a selector that the instruction may not look at. */
    private static final long INVISIBLE = 0;

    private SelectorChecks() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "LAR" -> SelectorChecks::lar;
            case "LSL" -> SelectorChecks::lsl;
            case "VERR" -> SelectorChecks::verr;
            case "VERW" -> SelectorChecks::verw;
            case "ARPL" -> SelectorChecks::arpl;
            default -> null;
        };
    }

    private static void setZf(Cpu c, boolean value) {
        Flags.materialize(c);
        c.rflags = value ? c.rflags | Flags.ZF : c.rflags & ~Flags.ZF;
    }

    /** The descriptor, when the selector lies in its table and privilege allows to look. */
    private static long lookUp(Cpu c, int selector) {
        if (DescriptorTables.isNull(selector) || !DescriptorTables.inTable(c, selector, 8)) {
            return INVISIBLE;
        }
        long d = Memory.loadSystem(c, DescriptorTables.address(c, selector), 8);
        boolean conforming = Descriptor.isCode(d) && Descriptor.isConforming(d);
        boolean visible = conforming || Descriptor.dpl(d) >= Math.max(c.cpl, selector & 3);
        return visible ? d : INVISIBLE;
    }

    static void lar(Cpu c, Op o) {
        TableRegisters.requireProtectedMode(c);
        long d = lookUp(c, TableRegisters.selectorOperand(c, o));
        boolean valid = d != INVISIBLE
                && (!Descriptor.isSystem(d)
                        || switch (Descriptor.type(d)) {
                            case Descriptor.LDT, Descriptor.TSS_AVAILABLE, Descriptor.TSS_BUSY, Descriptor.CALL_GATE -> true;
                            case Descriptor.TSS16_AVAILABLE, Descriptor.TSS16_BUSY, Descriptor.CALL_GATE16,
                                    Descriptor.TASK_GATE -> !c.longMode();
                            default -> false;
                        });
        setZf(c, valid);
        if (valid) {
            set(c, o, d >>> 32 & 0xFFFF00);
        }
    }

    static void lsl(Cpu c, Op o) {
        TableRegisters.requireProtectedMode(c);
        long d = lookUp(c, TableRegisters.selectorOperand(c, o));
        boolean valid = d != INVISIBLE
                && (!Descriptor.isSystem(d)
                        || switch (Descriptor.type(d)) {
                            case Descriptor.LDT, Descriptor.TSS_AVAILABLE, Descriptor.TSS_BUSY -> true;
                            case Descriptor.TSS16_AVAILABLE, Descriptor.TSS16_BUSY -> !c.longMode();
                            default -> false;
                        });
        setZf(c, valid);
        if (valid) {
            set(c, o, Descriptor.limit(d));
        }
    }

    private static void set(Cpu c, Op o, long value) {
        c.gpr[o.reg] = o.instruction.operandSize == 16 ? c.gpr[o.reg] & ~0xFFFFL | value & 0xFFFF : value;
    }

    static void verr(Cpu c, Op o) {
        TableRegisters.requireProtectedMode(c);
        long d = lookUp(c, TableRegisters.selectorOperand(c, o));
        setZf(c, d != INVISIBLE && Descriptor.isReadable(d));
    }

    static void verw(Cpu c, Op o) {
        TableRegisters.requireProtectedMode(c);
        long d = lookUp(c, TableRegisters.selectorOperand(c, o));
        setZf(c, d != INVISIBLE && Descriptor.isWritableData(d));
    }

    static void arpl(Cpu c, Op o) {
        TableRegisters.requireProtectedMode(c);
        int source = (int) c.gpr[o.reg] & 3;
        if (o.instruction.memory) {
            long la = Memory.writeAddress(c, o, 2);
            int destination = Memory.load16(c, la, o.segment);
            boolean raise = (destination & 3) < source;
            if (raise) {
                Memory.store16(c, la, o.segment, destination & ~3 | source);
            }
            setZf(c, raise);
            return;
        }
        long destination = c.gpr[o.rm];
        boolean raise = (destination & 3) < source;
        if (raise) {
            c.gpr[o.rm] = destination & ~3L | source;
        }
        setZf(c, raise);
    }
}
