package dev.javisor.processor.system;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;

/** Instructions that change what data accesses are allowed: STAC, CLAC, RDPKRU, WRPKRU. */
public final class AccessControl {
    private AccessControl() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "STAC" -> AccessControl::stac;
            case "CLAC" -> AccessControl::clac;
            case "RDPKRU" -> AccessControl::rdpkru;
            case "WRPKRU" -> AccessControl::wrpkru;
            default -> null;
        };
    }

    static void stac(Cpu c, Op o) {
        checkPrivilege(c);
        c.rflags |= Flags.AC;
        c.updateContext();
    }

    static void clac(Cpu c, Op o) {
        checkPrivilege(c);
        c.rflags &= ~Flags.AC;
        c.updateContext();
    }

    private static void checkPrivilege(Cpu c) {
        if (c.cpl != 0) {
            throw c.ud();
        }
    }

    static void rdpkru(Cpu c, Op o) {
        checkProtectionKeys(c);
        c.gpr[0] = c.pkru & 0xFFFFFFFFL;
        c.gpr[2] = 0;
    }

    static void wrpkru(Cpu c, Op o) {
        checkProtectionKeys(c);
        if ((int) c.gpr[2] != 0) {
            throw c.gp0();
        }
        c.setPkru((int) c.gpr[0]);
    }

    /** #UD without CR4.PKE; ECX must be zero. */
    private static void checkProtectionKeys(Cpu c) {
        if ((c.cr4 & Cr.PKE) == 0) {
            throw c.ud();
        }
        if ((int) c.gpr[1] != 0) {
            throw c.gp0();
        }
    }
}
