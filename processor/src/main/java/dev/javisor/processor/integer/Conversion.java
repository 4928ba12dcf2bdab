package dev.javisor.processor.integer;

import dev.javisor.isa.CpuModel.Vendor;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Extension, byte order and address computation: MOVZX, MOVSX, MOVSXD, CBW and CWD families, BSWAP, MOVBE, LEA. */
public final class Conversion {
    private Conversion() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "MOVZX" -> Form.bits(i, 1) == 8 ? movzx8(i) : movzx16(i);
            case "MOVSX" -> Form.bits(i, 1) == 8 ? movsx8(i) : movsx16(i);
            case "MOVSXD" -> movsxd(i);
            case "CBW" -> bySize(i, Conversion::cbw, Conversion::cwde, Conversion::cdqe);
            case "CWD" -> bySize(i, Conversion::cwd, Conversion::cdq, Conversion::cqo);
            case "BSWAP" -> bySize(i, Conversion::bswap16, Conversion::bswap32, Conversion::bswap64);
            case "MOVBE" -> Form.of(i) == Form.REG_MEM
                    ? bySize(i, Conversion::movbe16Load, Conversion::movbe32Load, Conversion::movbe64Load)
                    : bySize(i, Conversion::movbe16Store, Conversion::movbe32Store, Conversion::movbe64Store);
            case "LEA" -> bySize(i, Conversion::lea16, Conversion::lea32, Conversion::lea64);
            default -> null;
        };
    }

    private static Handler bySize(Instruction i, Handler word, Handler doubleword, Handler quadword) {
        return switch (i.operandSize) {
            case 16 -> word;
            case 32 -> doubleword;
            default -> quadword;
        };
    }

    private static Handler movzx8(Instruction i) {
        if (i.operandSize == 16) {
            return i.memory ? Conversion::movzx16Mem8 : Conversion::movzx16Rm8;
        }
        return i.memory ? Conversion::movzxMem8 : Conversion::movzxRm8;
    }

    private static Handler movzx16(Instruction i) {
        if (i.operandSize == 16) {
            return i.memory ? Move::mov16RegMem : Move::mov16RegRm;
        }
        return i.memory ? Conversion::movzxMem16 : Conversion::movzxRm16;
    }

    private static Handler movsx8(Instruction i) {
        return i.memory
                ? bySize(i, Conversion::movsx16Mem8, Conversion::movsx32Mem8, Conversion::movsx64Mem8)
                : bySize(i, Conversion::movsx16Rm8, Conversion::movsx32Rm8, Conversion::movsx64Rm8);
    }

    private static Handler movsx16(Instruction i) {
        return i.memory
                ? bySize(i, Move::mov16RegMem, Conversion::movsx32Mem16, Conversion::movsx64Mem16)
                : bySize(i, Move::mov16RegRm, Conversion::movsx32Rm16, Conversion::movsx64Rm16);
    }

    private static Handler movsxd(Instruction i) {
        return i.memory
                ? bySize(i, Conversion::movsxd16Mem, Move::mov32RegMem, Conversion::movsxdMem)
                : bySize(i, Move::mov16RegRm, Move::mov32RegRm, Conversion::movsxdRm);
    }

    static void movzx16Rm8(Cpu c, Op o) {
        Registers.set16(c, o.reg, Registers.get8(c, o, o.rm) & 0xFF);
    }

    static void movzx16Mem8(Cpu c, Op o) {
        Registers.set16(c, o.reg, Memory.load8(c, Memory.readAddress(c, o, 1), o.segment));
    }

    static void movzxRm8(Cpu c, Op o) {
        c.gpr[o.reg] = Registers.get8(c, o, o.rm) & 0xFF;
    }

    static void movzxMem8(Cpu c, Op o) {
        c.gpr[o.reg] = Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
    }

    static void movzxRm16(Cpu c, Op o) {
        c.gpr[o.reg] = c.gpr[o.rm] & 0xFFFF;
    }

    static void movzxMem16(Cpu c, Op o) {
        c.gpr[o.reg] = Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
    }

    static void movsx16Rm8(Cpu c, Op o) {
        Registers.set16(c, o.reg, Registers.get8(c, o, o.rm));
    }

    static void movsx16Mem8(Cpu c, Op o) {
        Registers.set16(c, o.reg, (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment));
    }

    static void movsx32Rm8(Cpu c, Op o) {
        Registers.set32(c, o.reg, Registers.get8(c, o, o.rm));
    }

    static void movsx32Mem8(Cpu c, Op o) {
        Registers.set32(c, o.reg, (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment));
    }

    static void movsx64Rm8(Cpu c, Op o) {
        c.gpr[o.reg] = Registers.get8(c, o, o.rm);
    }

    static void movsx64Mem8(Cpu c, Op o) {
        c.gpr[o.reg] = (byte) Memory.load8(c, Memory.readAddress(c, o, 1), o.segment);
    }

    static void movsx32Rm16(Cpu c, Op o) {
        Registers.set32(c, o.reg, (short) c.gpr[o.rm]);
    }

    static void movsx32Mem16(Cpu c, Op o) {
        Registers.set32(c, o.reg, (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment));
    }

    static void movsx64Rm16(Cpu c, Op o) {
        c.gpr[o.reg] = (short) c.gpr[o.rm];
    }

    static void movsx64Mem16(Cpu c, Op o) {
        c.gpr[o.reg] = (short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment);
    }

    /** AMD processors read 32 bits even for a register of 16. */
    static void movsxd16Mem(Cpu c, Op o) {
        int size = c.model.vendor() == Vendor.AMD ? 4 : 2;
        Registers.set16(c, o.reg, (int) Memory.load(c, Memory.readAddress(c, o, size), size, o.segment));
    }

    static void movsxdRm(Cpu c, Op o) {
        c.gpr[o.reg] = (int) c.gpr[o.rm];
    }

    static void movsxdMem(Cpu c, Op o) {
        c.gpr[o.reg] = Memory.load32(c, Memory.readAddress(c, o, 4), o.segment);
    }

    static void cbw(Cpu c, Op o) {
        Registers.set16(c, Registers.RAX, (byte) c.gpr[Registers.RAX]);
    }

    static void cwde(Cpu c, Op o) {
        Registers.set32(c, Registers.RAX, (short) c.gpr[Registers.RAX]);
    }

    static void cdqe(Cpu c, Op o) {
        c.gpr[Registers.RAX] = (int) c.gpr[Registers.RAX];
    }

    static void cwd(Cpu c, Op o) {
        Registers.set16(c, Registers.RDX, (short) c.gpr[Registers.RAX] >> 15);
    }

    static void cdq(Cpu c, Op o) {
        Registers.set32(c, Registers.RDX, (int) c.gpr[Registers.RAX] >> 31);
    }

    static void cqo(Cpu c, Op o) {
        c.gpr[Registers.RDX] = c.gpr[Registers.RAX] >> 63;
    }

    /** The manual leaves the result undefined; processors clear the word. */
    static void bswap16(Cpu c, Op o) {
        Registers.set16(c, o.rm, 0);
    }

    static void bswap32(Cpu c, Op o) {
        Registers.set32(c, o.rm, Integer.reverseBytes((int) c.gpr[o.rm]));
    }

    static void bswap64(Cpu c, Op o) {
        c.gpr[o.rm] = Long.reverseBytes(c.gpr[o.rm]);
    }

    static void movbe16Load(Cpu c, Op o) {
        Registers.set16(c, o.reg, Short.reverseBytes((short) Memory.load16(c, Memory.readAddress(c, o, 2), o.segment)));
    }

    static void movbe32Load(Cpu c, Op o) {
        Registers.set32(c, o.reg, Integer.reverseBytes(Memory.load32(c, Memory.readAddress(c, o, 4), o.segment)));
    }

    static void movbe64Load(Cpu c, Op o) {
        c.gpr[o.reg] = Long.reverseBytes(Memory.load64(c, Memory.readAddress(c, o, 8), o.segment));
    }

    static void movbe16Store(Cpu c, Op o) {
        Memory.store16(c, Memory.writeAddress(c, o, 2), o.segment, Short.reverseBytes((short) c.gpr[o.reg]));
    }

    static void movbe32Store(Cpu c, Op o) {
        Memory.store32(c, Memory.writeAddress(c, o, 4), o.segment, Integer.reverseBytes((int) c.gpr[o.reg]));
    }

    static void movbe64Store(Cpu c, Op o) {
        Memory.store64(c, Memory.writeAddress(c, o, 8), o.segment, Long.reverseBytes(c.gpr[o.reg]));
    }

    static void lea16(Cpu c, Op o) {
        Registers.set16(c, o.reg, (int) Memory.effectiveAddress(c, o));
    }

    static void lea32(Cpu c, Op o) {
        Registers.set32(c, o.reg, (int) Memory.effectiveAddress(c, o));
    }

    static void lea64(Cpu c, Op o) {
        c.gpr[o.reg] = Memory.effectiveAddress(c, o);
    }
}
