package dev.javisor.processor.integer;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.GuestControl.Intercept;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** NOP and hints, undefined instructions, BOUND, XLAT, cache-line control, fences. */
public final class Miscellaneous {
    /** What PAUSE takes on recent processors ("Pause Latency in Skylake Client Microarchitecture"). */
    private static final int PAUSE_TICKS = 140;
    /** What stands behind UD2 in KVM's prefix for forced emulation. */
    private static final String PREFIX_NAME = "kvm";

    private Miscellaneous() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "NOP", "ENDBR32", "ENDBR64", "LFENCE", "MFENCE", "SFENCE", "SERIALIZE",
                    "PREFETCHNTA", "PREFETCHT0", "PREFETCHT1", "PREFETCHT2", "PREFETCH", "PREFETCHW", "PREFETCHWT1", "PREFETCHIT0",
                    "PREFETCHIT1", "CLDEMOTE" -> Miscellaneous::nop;
            case "PAUSE" -> Miscellaneous::pause;
            case "UD0", "UD1" -> Miscellaneous::ud;
            case "UD2" -> Miscellaneous::ud2;
            case "BOUND" -> i.operandSize == 16 ? Miscellaneous::bound16 : Miscellaneous::bound32;
            case "XLATB" -> Miscellaneous::xlat;
            case "CLFLUSH", "CLFLUSHOPT", "CLWB" -> Miscellaneous::touchLine;
            default -> null;
        };
    }

    static void nop(Cpu c, Op o) {}

    /** A spinning processor waits, and gives way to the others that share its thread. */
    static void pause(Cpu c, Op o) {
        if (c.guest != null) {
            c.guest.instruction(c, o, Intercept.PAUSE);
        }
        c.delay = PAUSE_TICKS;
        c.yielded |= c.pauseYields;
        c.endSlice();
    }

    static void ud(Cpu c, Op o) {
        throw c.ud();
    }

    /**
     * With forced emulation, UD2 and "kvm" are a prefix, behind which nothing is special here: the processor is what would emulate. As with
     * KVM, a hypervisor in the guest that intercepts #UD comes first.
     */
    static void ud2(Cpu c, Op o) {
        GuestFault fault = c.ud();
        boolean intercepted = c.guest != null && c.guest.intercepts(fault.event);
        if (!c.forcedEmulation || intercepted || !beginsPrefix(c, c.nextRip(o))) {
            throw fault;
        }
        c.rip += PREFIX_NAME.length();
        if (!c.codeSize64) {
            c.rip &= 0xFFFF_FFFFL;
        }
        c.singleStepDecided = true;
    }

    private static boolean beginsPrefix(Cpu c, long rip) {
        try {
            for (int i = 0; i < PREFIX_NAME.length(); i++) {
                long la = c.codeSize64 ? rip + i : (rip + i & 0xFFFF_FFFFL) + c.segBase[Cpu.CS] & 0xFFFF_FFFFL;
                if (Memory.load8(c, la, Cpu.CS) != PREFIX_NAME.charAt(i)) {
                    return false;
                }
            }
            return true;
        } catch (GuestFault unreadable) {
            return false;
        }
    }

    static void bound16(Cpu c, Op o) {
        long la = Memory.readAddress(c, o, 4);
        int lower = (short) Memory.load16(c, la, o.segment);
        checkBounds(c, (short) c.gpr[o.reg], lower, (short) Memory.load16(c, la + 2 & o.linearMask, o.segment));
    }

    static void bound32(Cpu c, Op o) {
        long la = Memory.readAddress(c, o, 8);
        int lower = Memory.load32(c, la, o.segment);
        checkBounds(c, (int) c.gpr[o.reg], lower, Memory.load32(c, la + 4 & o.linearMask, o.segment));
    }

    private static void checkBounds(Cpu c, int index, int lower, int upper) {
        if (index < lower || index > upper) {
            throw c.fault(Event.BR);
        }
    }

    static void xlat(Cpu c, Op o) {
        long offset = c.gpr[Registers.RBX] + (c.gpr[Registers.RAX] & 0xFF) & o.addressMask;
        int value = Memory.load8(c, Memory.address(c, o.segment, offset, 1, false), o.segment);
        c.gpr[Registers.RAX] = c.gpr[Registers.RAX] & ~0xFFL | value;
    }

    /** There is no cache; but the address is checked as a byte load is. */
    static void touchLine(Cpu c, Op o) {
        Memory.probe(c, Memory.readAddress(c, o, 1), 1, o.segment, false);
    }
}
