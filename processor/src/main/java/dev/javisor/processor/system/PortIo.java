package dev.javisor.processor.system;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.integer.StringOperation;
import dev.javisor.processor.segment.Tss;

/**
 * Input and output: IN, OUT, INS, OUTS. A device access needs an instruction boundary behind it, so that a repeated INS or OUTS moves one
 * element and is then dispatched again.
 */
public final class PortIo {
    private static final int RAX = 0, RCX = 1, RDX = 2, RSI = 6, RDI = 7;

    private PortIo() {}

    public static Handler bind(Instruction i) {
        int size = i.operandSize == 16 ? 2 : 4;
        return switch (i.opcode.mnemonic) {
            case "IN" -> in(i, i.opcode.operands.getFirst().equals("AL") ? 1 : size, i.opcode.operands.getLast().equals("DX"));
            case "OUT" -> out(i.opcode.operands.getLast().equals("AL") ? 1 : size, i.opcode.operands.getFirst().equals("DX"));
            case "INSB" -> (c, o) -> ins(c, o, 1);
            case "INSW" -> (c, o) -> ins(c, o, size);
            case "OUTSB" -> (c, o) -> outs(c, o, 1);
            case "OUTSW" -> (c, o) -> outs(c, o, size);
            default -> null;
        };
    }

    private static Handler in(Instruction i, int size, boolean dx) {
        int fixed = (int) i.immediate & 0xFF;
        return dx ? (c, o) -> in(c, o, (int) c.gpr[RDX] & 0xFFFF, size) : (c, o) -> in(c, o, fixed, size);
    }

    private static Handler out(int size, boolean dx) {
        return dx ? (c, o) -> out(c, o, (int) c.gpr[RDX] & 0xFFFF, size) : (c, o) -> out(c, o, (int) o.imm & 0xFF, size);
    }

    private static void in(Cpu c, Op o, int port, int size) {
        checkPermission(c, port, size);
        if (c.guest != null) {
            c.guest.portIo(c, o, port, size, true);
        }
        c.requireBoundary();
        long v = read(c, port, size);
        c.gpr[RAX] = switch (size) {
            case 1 -> c.gpr[RAX] & ~0xFFL | v & 0xFF;
            case 2 -> c.gpr[RAX] & ~0xFFFFL | v & 0xFFFF;
            default -> v;
        };
        checkBreakpoints(c, port, size);
    }

    private static void out(Cpu c, Op o, int port, int size) {
        checkPermission(c, port, size);
        if (c.guest != null) {
            c.guest.portIo(c, o, port, size, false);
        }
        c.requireBoundary();
        write(c, port, size, (int) (c.gpr[RAX] & mask(size)));
        checkBreakpoints(c, port, size);
    }

    private static long read(Cpu c, int port, int size) {
        c.takeTime(Latency.DEVICE);
        return c.platform.in(port, size) & 0xFFFFFFFFL;
    }

    private static void write(Cpu c, int port, int size, int value) {
        c.takeTime(Latency.DEVICE);
        c.platform.out(port, size, value);
    }

    private static void ins(Cpu c, Op o, int size) {
        int port = (int) c.gpr[RDX] & 0xFFFF;
        checkPermission(c, port, size);
        if (repeatsNothing(c, o)) {
            return;
        }
        if (c.guest != null) {
            c.guest.portIo(c, o, port, size, true);
        }
        c.requireBoundary();
        long la = Memory.address(c, Cpu.ES, c.gpr[RDI] & o.addressMask, size, true);
        if (c.alignmentCheck && (la & size - 1) != 0) {
            throw c.fault(Event.AC, 0);
        }
        Memory.probe(c, la, size, Cpu.ES, true);
        Memory.store(c, la, size, Cpu.ES, read(c, port, size));
        advance(c, o, RDI, size);
        checkBreakpoints(c, port, size);
    }

    private static void outs(Cpu c, Op o, int size) {
        int port = (int) c.gpr[RDX] & 0xFFFF;
        checkPermission(c, port, size);
        if (repeatsNothing(c, o)) {
            return;
        }
        if (c.guest != null) {
            c.guest.portIo(c, o, port, size, false);
        }
        c.requireBoundary();
        long la = Memory.address(c, o.segment, c.gpr[RSI] & o.addressMask, size, false);
        write(c, port, size, (int) Memory.load(c, la, size, o.segment));
        advance(c, o, RSI, size);
        checkBreakpoints(c, port, size);
    }

    // ---- repetition ----

    private static boolean repeated(Op o) {
        return o.instruction.has(Instruction.REP) || o.instruction.has(Instruction.REPNE);
    }

    private static boolean repeatsNothing(Cpu c, Op o) {
        return repeated(o) && (c.gpr[RCX] & o.addressMask) == 0;
    }

    /** One element is done: moves the index, counts, and comes back to the instruction while elements are left. */
    private static void advance(Cpu c, Op o, int index, int size) {
        set(c, o, index, c.gpr[index] + ((c.rflags & Flags.DF) == 0 ? size : -size));
        if (repeated(o)) {
            set(c, o, RCX, c.gpr[RCX] - 1);
            if ((c.gpr[RCX] & o.addressMask) != 0) {
                StringOperation.again(c, o);
            }
        }
    }

    /** Writes a register in the width of the address size; 32 bits zero-extend. */
    private static void set(Cpu c, Op o, int register, long value) {
        boolean narrow = o.instruction.addressSize == 16;
        c.gpr[register] = narrow ? c.gpr[register] & ~0xFFFFL | value & 0xFFFF : value & o.addressMask;
    }

    private static long mask(int size) {
        return (1L << 8 * size) - 1;
    }

    // ---- protection ----

    /** The I/O privilege level, or else the I/O permission bitmap of a 32- or 64-bit TSS, must allow every byte of the access. */
    private static void checkPermission(Cpu c, int port, int size) {
        if (!c.protectedMode() || !c.v86() && c.cpl <= c.iopl()) {
            return;
        }
        if (!Tss.allowsPorts(c, port, size)) {
            throw c.gp0();
        }
    }

    /** I/O breakpoints: R/W field 10B with debugging extensions. The trap comes behind the access. */
    public static void checkBreakpoints(Cpu c, int port, int size) {
        if ((c.dr7 & 0xFF) == 0 || (c.cr4 & Cr.DE) == 0) {
            return;
        }
        for (int i = 0; i < 4; i++) {
            if ((c.dr7 >>> 2 * i & 3) != 0 && (c.dr7 >>> 16 + 4 * i & 3) == 2) {
                int length = c.breakpointLength(i);
                long start = c.dr[i] & -(long) length;
                if (port < start + length && start < port + size) {
                    c.pendingDebug |= 1L << i;
                    c.request(Cpu.BOUNDARY_REQUEST);
                }
            }
        }
    }
}
