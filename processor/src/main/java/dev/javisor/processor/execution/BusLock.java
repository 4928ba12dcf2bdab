package dev.javisor.processor.execution;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.ExtendedHandler;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.integer.Form;

/**
 * A locked access in a guest whose host wants to know of bus locks ("Bus-Lock Detection"): one that crosses a cache line, or that goes to
 * uncacheable memory, asserts the lock. Memory types are not modelled: RAM is cacheable, a device's range is not.
 */
final class BusLock implements ExtendedHandler {
    private static final long serialVersionUID = 1;
    private static final int LINE = 64;

    private final Handler semantics;
    private final int size;
    /** The memory operand is a string of bits, of which a register says where. */
    private final boolean bitString;

    BusLock(Handler semantics, Instruction i) {
        this.semantics = semantics;
        String m = i.opcode.mnemonic;
        size = m.equals("CMPXCHG16B") ? 16 : m.equals("CMPXCHG8B") ? 8 : Form.bits(i) / 8;
        bitString = m.startsWith("BT") && Form.of(i) == Form.MEM_REG;
    }

    /** Whether the access to memory is locked. */
    static boolean canBeAsserted(Instruction i) {
        return i.memory && (i.has(Instruction.LOCK) || i.opcode.mnemonic.equals("XCHG"));
    }

    @Override
    public void execute(Cpu c, Op o) {
        long offset = 0;
        if (bitString) {
            int unused = 64 - 8 * size;
            offset = (c.gpr[o.reg] << unused >> unused & -8L * size) / 8;
        }
        long la = (Memory.effectiveAddress(c, o) + offset & o.addressMask) + c.eaBase[o.segment] & o.linearMask;
        boolean split = (la & LINE - 1) + size > LINE;
        if (split) {
            c.requireBoundary();
        }
        semantics.execute(c, o);
        if (split || Memory.isDevice(c, la, o.segment)) {
            c.guest.busLock(c);
        }
    }
}
