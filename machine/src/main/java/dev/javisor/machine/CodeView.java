package dev.javisor.machine;

import dev.javisor.hypervisor.Vcpu;
import dev.javisor.hypervisor.abi.Segment;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.Translation;
import dev.javisor.isa.CodeSize;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.memory.PhysicalMemory;
import java.util.function.LongUnaryOperator;

/** Code as one processor would fetch it in the state that it has, wherever it is: for showing. */
public final class CodeView {
    private static final long EFER_LMA = 1 << 10;

    private final CodeSize size;
    private final long base;
    private final LongUnaryOperator translation;
    private final PhysicalMemory memory;

    /** @param translation from linear to physical addresses, or to -1 */
    private CodeView(CodeSize size, long base, LongUnaryOperator translation, PhysicalMemory memory) {
        this.size = size;
        this.base = base;
        this.translation = translation;
        this.memory = memory;
    }

    static CodeView of(Cpu c) {
        CodeSize size = c.codeSize64 ? CodeSize.BITS64 : c.codeBits == 32 ? CodeSize.BITS32 : CodeSize.BITS16;
        return new CodeView(size, c.codeSize64 ? 0 : c.segBase[Cpu.CS], linear -> translate(c, linear), c.memory);
    }

    private static long translate(Cpu c, long linear) {
        try {
            return c.translation.translate(c, c.fetchContext(), linear, dev.javisor.processor.core.Translation.FETCH);
        } catch (GuestFault e) {
            return -1;
        }
    }

    static CodeView of(Vcpu v, PhysicalMemory memory) {
        Sregs s = v.getSregs();
        Segment cs = s.cs;
        boolean wide = (s.efer & EFER_LMA) != 0 && cs.l != 0;
        CodeSize size = wide ? CodeSize.BITS64 : cs.db != 0 ? CodeSize.BITS32 : CodeSize.BITS16;
        return new CodeView(size, wide ? 0 : cs.base, linear -> translate(v, linear), memory);
    }

    private static long translate(Vcpu v, long linear) {
        Translation t = v.translate(linear);
        return t.valid ? t.physicalAddress : -1;
    }

    /** What the operating mode makes of the bytes. */
    public CodeSize size() {
        return size;
    }

    /**
     * Reads what lies at an instruction pointer. On the metal that can set accessed flags: the machine must not go on behind this.
     *
     * @return how many bytes there are: all, or those up to the first that has no translation
     */
    public int read(long rip, byte[] bytes) {
        for (int i = 0; i < bytes.length; i++) {
            long linear = base + rip + i;
            long physical = translation.applyAsLong(size == CodeSize.BITS64 ? linear : linear & 0xFFFF_FFFFL);
            if (physical == -1) {
                return i;
            }
            bytes[i] = (byte) memory.read(physical, 1);
        }
        return bytes.length;
    }
}
