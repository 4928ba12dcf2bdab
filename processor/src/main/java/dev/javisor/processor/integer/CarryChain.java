package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** ADCX and ADOX: addition with a carry of its own in CF or OF, all other flags kept. */
public final class CarryChain {
    private CarryChain() {}

    public static Handler bind(Instruction i) {
        boolean wide = i.operandSize == 64;
        return switch (i.opcode.mnemonic) {
            case "ADCX" -> wide ? CarryChain::adcx64 : CarryChain::adcx32;
            case "ADOX" -> wide ? CarryChain::adox64 : CarryChain::adox32;
            default -> null;
        };
    }

    static void adcx32(Cpu c, Op o) {
        add32(c, o, Flags.CF);
    }

    static void adox32(Cpu c, Op o) {
        add32(c, o, Flags.OF);
    }

    static void adcx64(Cpu c, Op o) {
        add64(c, o, Flags.CF);
    }

    static void adox64(Cpu c, Op o) {
        add64(c, o, Flags.OF);
    }

    private static void add32(Cpu c, Op o, long flag) {
        long b = Source.operand32(c, o) & 0xFFFFFFFFL;
        Flags.materialize(c);
        long r = (c.gpr[o.reg] & 0xFFFFFFFFL) + b + ((c.rflags & flag) != 0 ? 1 : 0);
        c.gpr[o.reg] = r & 0xFFFFFFFFL;
        set(c, flag, r >>> 32 != 0);
    }

    private static void add64(Cpu c, Op o, long flag) {
        long b = Source.operand64(c, o);
        Flags.materialize(c);
        long a = c.gpr[o.reg];
        long r = a + b + ((c.rflags & flag) != 0 ? 1 : 0);
        c.gpr[o.reg] = r;
        set(c, flag, (a & b | (a | b) & ~r) < 0);
    }

    private static void set(Cpu c, long flag, boolean carry) {
        c.rflags = carry ? c.rflags | flag : c.rflags & ~flag;
    }
}
