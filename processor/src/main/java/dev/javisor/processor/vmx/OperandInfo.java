package dev.javisor.processor.vmx;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Op;

/** What exits tell about an instruction's operands: the VM-exit instruction-information field, and the displacement as qualification. */
final class OperandInfo {
    private static final long REGISTER_OPERAND = 1 << 10, OPERAND_SIZE_32 = 1 << 11, INDEX_INVALID = 1 << 22, BASE_INVALID = 1 << 27;

    private OperandInfo() {}

    private static long addressSize(Op o) {
        return (o.instruction.addressSize == 16 ? 0 : o.instruction.addressSize == 32 ? 1 : 2) << 7;
    }

    /** Address size and segment, as for INS and OUTS. */
    static long string(Op o, int segment) {
        return addressSize(o) | (long) segment << 15;
    }

    /** The memory operand, or the register that stands for it, and the register operand. */
    static long memory(Op o) {
        Instruction i = o.instruction;
        long second = (long) (i.reg & 15) << 28;
        if (!i.memory) {
            return REGISTER_OPERAND | (long) i.rm << 3 | second;
        }
        return i.scale
                | addressSize(o)
                | (long) i.segment << 15
                | (i.index >= Instruction.NO_REGISTER ? INDEX_INVALID : (long) i.index << 18)
                | (i.base >= Instruction.NO_REGISTER ? BASE_INVALID : (long) i.base << 23)
                | second;
    }

    /** For LGDT, LIDT, SGDT, SIDT, LLDT, LTR, SLDT, STR. @param identity which of the four instructions of the group */
    static long descriptorTable(Op o, int identity) {
        Instruction i = o.instruction;
        long operand = memory(o) & 0x0FFF_FFFFL | (long) identity << 28;
        return i.memory && i.operandSize != 16 ? operand | OPERAND_SIZE_32 : operand;
    }

    /** RDRAND, RDSEED and the like: destination register and operand size. */
    static long register(Op o) {
        int size = o.instruction.operandSize;
        return (long) o.rm << 3 | (long) (size == 16 ? 0 : size == 32 ? 1 : 2) << 11;
    }

    /** The displacement of the memory operand; with RIP as base, the sum of both. */
    static long displacement(Cpu c, Op o) {
        Instruction i = o.instruction;
        return !i.memory ? 0 : i.base == Instruction.RIP ? i.displacement + c.nextRip(o) : i.displacement;
    }
}
