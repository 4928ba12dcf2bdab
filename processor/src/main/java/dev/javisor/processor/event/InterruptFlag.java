package dev.javisor.processor.event;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestControl.Intercept;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.InterruptShadow;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** CLI, STI, PUSHF, POPF and HLT: what programs may do to the interrupt flag, or to VIF in its place. */
public final class InterruptFlag {
    /** Flags that POPF may load at any privilege: with 16 bits, and with more. */
    private static final long LOW = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT, HIGH = LOW | Flags.AC | Flags.ID;

    private InterruptFlag() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "CLI" -> InterruptFlag::cli;
            case "STI" -> InterruptFlag::sti;
            case "PUSHF" -> switch (i.operandSize) {
                case 16 -> InterruptFlag::pushf16;
                case 32 -> InterruptFlag::pushf32;
                default -> InterruptFlag::pushf64;
            };
            case "POPF" -> switch (i.operandSize) {
                case 16 -> InterruptFlag::popf16;
                case 32 -> InterruptFlag::popf32;
                default -> InterruptFlag::popf64;
            };
            case "HLT" -> InterruptFlag::hlt;
            default -> null;
        };
    }

    /** Virtual-8086 mode extensions, or protected-mode virtual interrupts, let the program have VIF where it may not have IF. */
    private static boolean hasVirtualFlag(Cpu c) {
        return c.v86() ? (c.cr4 & Cr.VME) != 0 : c.cpl == 3 && (c.cr4 & Cr.PVI) != 0;
    }

    private static boolean ownsInterruptFlag(Cpu c) {
        return c.cpl <= c.iopl() || !c.protectedMode();
    }

    static void cli(Cpu c, Op o) {
        if (ownsInterruptFlag(c)) {
            c.rflags &= ~Flags.IF;
        } else if (hasVirtualFlag(c)) {
            c.rflags &= ~Flags.VIF;
        } else {
            throw c.gp0();
        }
    }

    static void sti(Cpu c, Op o) {
        if (ownsInterruptFlag(c)) {
            if ((c.rflags & Flags.IF) == 0) {
                c.rflags |= Flags.IF;
                InterruptShadow.beginSti(c);
            }
        } else if (hasVirtualFlag(c) && (c.rflags & Flags.VIP) == 0) {
            c.rflags |= Flags.VIF;
        } else {
            throw c.gp0();
        }
    }

    static void hlt(Cpu c, Op o) {
        if (c.cpl != 0) {
            throw c.gp0();
        }
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.HLT);
        }
        c.activity = Cpu.HLT;
        c.endSlice();
    }

    // ---- PUSHF ----

    static void pushf16(Cpu c, Op o) {
        long flags = Flags.rflags(c);
        if (c.v86() && c.iopl() < 3) {
            if ((c.cr4 & Cr.VME) == 0) {
                throw c.gp0();
            }
            flags = flags & ~Flags.IF | Flags.IOPL | ((flags & Flags.VIF) != 0 ? Flags.IF : 0);
        }
        push(c, 2, flags);
    }

    static void pushf32(Cpu c, Op o) {
        if (c.v86() && c.iopl() < 3) {
            throw c.gp0();
        }
        push(c, 4, Flags.rflags(c) & ~(Flags.RF | Flags.VM));
    }

    static void pushf64(Cpu c, Op o) {
        push(c, 8, Flags.rflags(c) & ~(Flags.RF | Flags.VM));
    }

    private static void push(Cpu c, int size, long flags) {
        long offset = c.gpr[4] - size & c.stackMask;
        Memory.store(c, Memory.address(c, Cpu.SS, offset, size, true), size, Cpu.SS, flags);
        c.gpr[4] = c.stackMask == 0xFFFF ? c.gpr[4] & ~0xFFFFL | offset : offset;
    }

    // ---- POPF ----

    static void popf16(Cpu c, Op o) {
        if (c.v86() && c.iopl() < 3) {
            popfVirtual(c);
            return;
        }
        load(c, 2, LOW);
    }

    static void popf32(Cpu c, Op o) {
        if (c.v86() && c.iopl() < 3) {
            throw c.gp0();
        }
        load(c, 4, HIGH);
    }

    static void popf64(Cpu c, Op o) {
        load(c, 8, HIGH);
    }

    private static long top(Cpu c, int size) {
        return Memory.load(c, Memory.address(c, Cpu.SS, c.gpr[4] & c.stackMask, size, false), size, Cpu.SS);
    }

    private static void drop(Cpu c, int size) {
        long pointer = c.gpr[4] + size & c.stackMask;
        c.gpr[4] = c.stackMask == 0xFFFF ? c.gpr[4] & ~0xFFFFL | pointer : pointer;
    }

    private static void load(Cpu c, int size, long mask) {
        long image = top(c, size);
        if (ownsInterruptFlag(c)) {
            mask |= Flags.IF;
        }
        if (c.cpl == 0) {
            mask |= Flags.IOPL;
        }
        drop(c, size);
        long old = Flags.rflags(c);
        long flags = old & ~(mask | Flags.RF) | image & mask;
        Flags.setRflags(c, flags);
        if (((old ^ flags) & Flags.AC) != 0) {
            c.updateContext();
        }
        if ((flags & Flags.TF) != 0 || c.requests != 0 && (flags & Flags.IF) != 0) {
            c.endSlice();
        }
    }

    private static void popfVirtual(Cpu c) {
        if ((c.cr4 & Cr.VME) == 0) {
            throw c.gp0();
        }
        long image = top(c, 2);
        boolean enables = (image & Flags.IF) != 0;
        if (enables && (c.rflags & Flags.VIP) != 0 || (image & Flags.TF) != 0) {
            throw c.gp0();
        }
        drop(c, 2);
        Flags.setRflags(c, Flags.rflags(c) & ~(LOW | Flags.VIF | Flags.RF) | image & LOW | (enables ? Flags.VIF : 0));
    }
}
