package dev.javisor.processor.simd;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** SSE moves between vector registers and memory ("SSE Data Transfer Instructions"). */
public final class DataMove {
    private DataMove() {}

    public static Handler bind(Instruction i) {
        if (i.has(Instruction.VEX | Instruction.EVEX) || i.opcode.operands.isEmpty()) {
            return null;
        }
        boolean store = i.opcode.operands.getFirst().charAt(0) == 'W' || i.opcode.operands.getFirst().charAt(0) == 'M';
        boolean m = i.memory;
        return switch (i.opcode.mnemonic) {
            case "MOVAPS", "MOVAPD", "MOVDQA" -> !m ? register(store) : store ? DataMove::storeAligned : DataMove::loadAligned;
            case "MOVUPS", "MOVUPD", "MOVDQU" -> !m ? register(store) : store ? DataMove::storeUnaligned : DataMove::loadUnaligned;
            case "LDDQU" -> DataMove::loadUnaligned;
            case "MOVNTPS", "MOVNTPD", "MOVNTDQ" -> DataMove::storeAligned;
            case "MOVNTDQA" -> DataMove::loadAligned;
            case "MOVSS" -> m ? store ? DataMove::storeLow32 : DataMove::loadZero32 : store ? DataMove::movssStore : DataMove::movss;
            case "MOVSD" -> !isVector(i)
                    ? null
                    : m ? store ? DataMove::storeLow : DataMove::loadZero : store ? DataMove::movsdStore : DataMove::movsd;
            case "MOVLPS", "MOVLPD" -> m ? store ? DataMove::storeLow : DataMove::loadLow : DataMove::movhlps;
            case "MOVHPS", "MOVHPD" -> m ? store ? DataMove::storeHigh : DataMove::loadHigh : DataMove::movlhps;
            case "MOVHLPS" -> DataMove::movhlps;
            case "MOVLHPS" -> DataMove::movlhps;
            case "MOVSLDUP" -> DataMove::movsldup;
            case "MOVSHDUP" -> DataMove::movshdup;
            case "MOVDDUP" -> DataMove::movddup;
            default -> null;
        };
    }

    /** The string instruction MOVSD and the comparison CMPSD have namesakes. */
    static boolean isVector(Instruction i) {
        char kind = i.opcode.operands.getFirst().charAt(0);
        return kind == 'V' || kind == 'W';
    }

    private static Handler register(boolean store) {
        return store ? DataMove::moveToRm : DataMove::move;
    }

    static void move(Cpu c, Op o) {
        Xmm.check(c);
        int s = Xmm.register(o);
        Xmm.set(c, o, c.vector[s], c.vector[s + 1]);
    }

    static void moveToRm(Cpu c, Op o) {
        Xmm.check(c);
        int s = Xmm.destination(o);
        int d = Xmm.register(o);
        c.vector[d] = c.vector[s];
        c.vector[d + 1] = c.vector[s + 1];
    }

    static void loadAligned(Cpu c, Op o) {
        Xmm.check(c);
        VectorMemory.load128(c, VectorMemory.alignedReadAddress(c, o), o.segment, Xmm.destination(o));
    }

    static void loadUnaligned(Cpu c, Op o) {
        Xmm.check(c);
        VectorMemory.load128(c, Memory.readAddress(c, o, 16), o.segment, Xmm.destination(o));
    }

    static void storeAligned(Cpu c, Op o) {
        Xmm.check(c);
        int s = Xmm.destination(o);
        VectorMemory.store128(c, VectorMemory.alignedWriteAddress(c, o), o.segment, c.vector[s], c.vector[s + 1]);
    }

    static void storeUnaligned(Cpu c, Op o) {
        Xmm.check(c);
        int s = Xmm.destination(o);
        VectorMemory.store128(c, Memory.writeAddress(c, o, 16), o.segment, c.vector[s], c.vector[s + 1]);
    }

    static void movss(Cpu c, Op o) {
        Xmm.check(c);
        Xmm.setLow32(c, o, (int) c.vector[Xmm.register(o)]);
    }

    static void movssStore(Cpu c, Op o) {
        Xmm.check(c);
        int d = Xmm.register(o);
        c.vector[d] = c.vector[d] & 0xFFFFFFFF00000000L | c.vector[Xmm.destination(o)] & 0xFFFFFFFFL;
    }

    static void loadZero32(Cpu c, Op o) {
        Xmm.check(c);
        Xmm.set(c, o, Memory.load32(c, Memory.readAddress(c, o, 4), o.segment) & 0xFFFFFFFFL, 0);
    }

    static void storeLow32(Cpu c, Op o) {
        Xmm.check(c);
        Memory.store32(c, Memory.writeAddress(c, o, 4), o.segment, (int) c.vector[Xmm.destination(o)]);
    }

    static void movsd(Cpu c, Op o) {
        Xmm.check(c);
        Xmm.setLow(c, o, c.vector[Xmm.register(o)]);
    }

    static void movsdStore(Cpu c, Op o) {
        Xmm.check(c);
        c.vector[Xmm.register(o)] = c.vector[Xmm.destination(o)];
    }

    static void loadZero(Cpu c, Op o) {
        Xmm.check(c);
        Xmm.set(c, o, Memory.load64(c, Memory.readAddress(c, o, 8), o.segment), 0);
    }

    static void loadLow(Cpu c, Op o) {
        Xmm.check(c);
        Xmm.setLow(c, o, Memory.load64(c, Memory.readAddress(c, o, 8), o.segment));
    }

    static void loadHigh(Cpu c, Op o) {
        Xmm.check(c);
        c.vector[Xmm.destination(o) + 1] = Memory.load64(c, Memory.readAddress(c, o, 8), o.segment);
    }

    static void storeLow(Cpu c, Op o) {
        Xmm.check(c);
        Memory.store64(c, Memory.writeAddress(c, o, 8), o.segment, c.vector[Xmm.destination(o)]);
    }

    static void storeHigh(Cpu c, Op o) {
        Xmm.check(c);
        Memory.store64(c, Memory.writeAddress(c, o, 8), o.segment, c.vector[Xmm.destination(o) + 1]);
    }

    static void movhlps(Cpu c, Op o) {
        Xmm.check(c);
        Xmm.setLow(c, o, c.vector[Xmm.register(o) + 1]);
    }

    static void movlhps(Cpu c, Op o) {
        Xmm.check(c);
        c.vector[Xmm.destination(o) + 1] = c.vector[Xmm.register(o)];
    }

    static void movsldup(Cpu c, Op o) {
        int s = Xmm.source(c, o);
        Xmm.set(c, o, evenTwice(c.vector[s]), evenTwice(c.vector[s + 1]));
    }

    static void movshdup(Cpu c, Op o) {
        int s = Xmm.source(c, o);
        Xmm.set(c, o, evenTwice(c.vector[s] >>> 32), evenTwice(c.vector[s + 1] >>> 32));
    }

    private static long evenTwice(long lane) {
        return lane << 32 | lane & 0xFFFFFFFFL;
    }

    static void movddup(Cpu c, Op o) {
        long low = Xmm.source64(c, o);
        Xmm.set(c, o, low, low);
    }
}
