package dev.javisor.processor.integer;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;

/** Near control transfers: JMP, Jcc, CALL, RET, LOOP, JrCXZ. */
public final class ControlTransfer {
    private ControlTransfer() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "JMP" -> jmp(i);
            case "CALL" -> call(i);
            case "RET" -> ret(i);
            case "LOOP" -> ControlTransfer::loop;
            case "LOOPE" -> ControlTransfer::loope;
            case "LOOPNE" -> ControlTransfer::loopne;
            case "JCXZ" -> ControlTransfer::jcxz;
            case "JO", "JNO", "JB", "JAE", "JE", "JNE", "JBE", "JA",
                    "JS", "JNS", "JP", "JNP", "JL", "JGE", "JLE", "JG" -> jcc(i, i.opcode.code & 15);
            default -> null;
        };
    }

    private static boolean is64(Instruction i) {
        return i.codeSize == CodeSize.BITS64 && i.operandSize == 64;
    }

    private static Handler jmp(Instruction i) {
        if (i.opcode.operands.get(0).charAt(0) == 'J') {
            return is64(i) ? ControlTransfer::jmp64 : ControlTransfer::jmpLegacy;
        }
        if (is64(i)) {
            return i.memory ? ControlTransfer::jmp64Mem : ControlTransfer::jmp64Rm;
        }
        return ControlTransfer::jmpIndirectLegacy;
    }

    private static Handler call(Instruction i) {
        if (i.opcode.operands.get(0).charAt(0) == 'J') {
            return is64(i) ? ControlTransfer::call64 : ControlTransfer::callLegacy;
        }
        if (is64(i)) {
            return i.memory ? ControlTransfer::call64Mem : ControlTransfer::call64Rm;
        }
        return ControlTransfer::callIndirectLegacy;
    }

    private static Handler ret(Instruction i) {
        if (is64(i)) {
            return i.opcode.operands.isEmpty() ? ControlTransfer::ret64 : ControlTransfer::ret64Imm;
        }
        return ControlTransfer::retLegacy;
    }

    /** @param code condition as encoded */
    private static Handler jcc(Instruction i, int code) {
        if (!is64(i)) {
            return (c, o) -> jccLegacy(c, o, code);
        }
        return switch (code) {
            case 0 -> ControlTransfer::jo;
            case 1 -> ControlTransfer::jno;
            case 2 -> ControlTransfer::jb;
            case 3 -> ControlTransfer::jae;
            case 4 -> ControlTransfer::je;
            case 5 -> ControlTransfer::jne;
            case 6 -> ControlTransfer::jbe;
            case 7 -> ControlTransfer::ja;
            case 8 -> ControlTransfer::js;
            case 9 -> ControlTransfer::jns;
            case 10 -> ControlTransfer::jp;
            case 11 -> ControlTransfer::jnp;
            case 12 -> ControlTransfer::jl;
            case 13 -> ControlTransfer::jge;
            case 14 -> ControlTransfer::jle;
            default -> ControlTransfer::jg;
        };
    }

    /**
     * Checks the target of a near branch: canonical in 64-bit mode, else within the limit of CS.
     *
     * @throws dev.javisor.processor.core.GuestFault #GP(0)
     */
    public static void checkTarget(Cpu c, long target) {
        if (c.codeSize64 ? !c.canonical(target) : target > c.segLimit[Cpu.CS]) {
            throw c.gp0();
        }
    }

    /** Narrow test first: an address that is canonical for 48 bits is so for 57. */
    private static void checkTarget64(Cpu c, long target) {
        if (target << 16 >> 16 != target) {
            checkTarget(c, target);
        }
    }

    private static void jumpTo64(Cpu c, long target) {
        checkTarget64(c, target);
        c.rip = target;
    }

    /** Target of a relative branch whatever the operand size. */
    private static long relativeTarget(Cpu c, Op o) {
        return truncate(o, c.nextRip(o) + o.imm);
    }

    private static long truncate(Op o, long target) {
        return switch (o.instruction.operandSize) {
            case 16 -> target & 0xFFFF;
            case 32 -> target & 0xFFFFFFFFL;
            default -> target;
        };
    }

    private static long indirectTarget(Cpu c, Op o) {
        Instruction i = o.instruction;
        int size = i.operandSize / 8;
        return i.memory ? Memory.load(c, Memory.readAddress(c, o, size), size, o.segment) : truncate(o, c.gpr[o.rm]);
    }

    // ---- JMP ----

    static void jmp64(Cpu c, Op o) {
        jumpTo64(c, c.nextRip(o) + o.imm);
    }

    static void jmp64Rm(Cpu c, Op o) {
        jumpTo64(c, c.gpr[o.rm]);
    }

    static void jmp64Mem(Cpu c, Op o) {
        jumpTo64(c, Memory.load64(c, Memory.readAddress(c, o, 8), o.segment));
    }

    static void jmpLegacy(Cpu c, Op o) {
        jump(c, relativeTarget(c, o));
    }

    static void jmpIndirectLegacy(Cpu c, Op o) {
        jump(c, indirectTarget(c, o));
    }

    private static void jump(Cpu c, long target) {
        checkTarget(c, target);
        c.rip = target;
    }

    // ---- CALL and RET ----

    private static void callTo64(Cpu c, Op o, long target) {
        if (target << 16 >> 16 != target && !c.canonical(target)) {
            // What the stack has to object comes first; nothing is pushed.
            Memory.probeAligned(c, c.gpr[Registers.RSP] - 8, 8, Cpu.SS, true);
            throw c.gp0();
        }
        Stack.push64(c, c.nextRip(o));
        c.rip = target;
    }

    static void call64(Cpu c, Op o) {
        callTo64(c, o, c.nextRip(o) + o.imm);
    }

    static void call64Rm(Cpu c, Op o) {
        callTo64(c, o, c.gpr[o.rm]);
    }

    static void call64Mem(Cpu c, Op o) {
        callTo64(c, o, Memory.load64(c, Memory.readAddress(c, o, 8), o.segment));
    }

    static void callLegacy(Cpu c, Op o) {
        call(c, o, relativeTarget(c, o));
    }

    static void callIndirectLegacy(Cpu c, Op o) {
        call(c, o, indirectTarget(c, o));
    }

    private static void call(Cpu c, Op o, long target) {
        checkTarget(c, target);
        Stack.push(c, o.instruction.operandSize / 8, c.nextRip(o));
        c.rip = target;
    }

    static void ret64(Cpu c, Op o) {
        long sp = c.gpr[Registers.RSP];
        long target = Memory.load64(c, sp, Cpu.SS);
        checkTarget64(c, target);
        c.gpr[Registers.RSP] = sp + 8;
        c.rip = target;
    }

    static void ret64Imm(Cpu c, Op o) {
        ret64(c, o);
        c.gpr[Registers.RSP] += o.imm & 0xFFFF;
    }

    static void retLegacy(Cpu c, Op o) {
        int size = o.instruction.operandSize / 8;
        long target = Stack.peek(c, size);
        checkTarget(c, target);
        Stack.release(c, size + (o.imm & 0xFFFF));
        c.rip = target;
    }

    // ---- Jcc ----

    static void jccLegacy(Cpu c, Op o, int code) {
        if (Flags.condition(c, code)) {
            jmpLegacy(c, o);
        }
    }

    static void jo(Cpu c, Op o) {
        if (Flags.of(c)) {
            jmp64(c, o);
        }
    }

    static void jno(Cpu c, Op o) {
        if (!Flags.of(c)) {
            jmp64(c, o);
        }
    }

    static void jb(Cpu c, Op o) {
        if (Flags.cf(c)) {
            jmp64(c, o);
        }
    }

    static void jae(Cpu c, Op o) {
        if (!Flags.cf(c)) {
            jmp64(c, o);
        }
    }

    static void je(Cpu c, Op o) {
        if (Flags.zf(c)) {
            jmp64(c, o);
        }
    }

    static void jne(Cpu c, Op o) {
        if (!Flags.zf(c)) {
            jmp64(c, o);
        }
    }

    static void jbe(Cpu c, Op o) {
        if (Flags.belowOrEqual(c)) {
            jmp64(c, o);
        }
    }

    static void ja(Cpu c, Op o) {
        if (!Flags.belowOrEqual(c)) {
            jmp64(c, o);
        }
    }

    static void js(Cpu c, Op o) {
        if (Flags.sf(c)) {
            jmp64(c, o);
        }
    }

    static void jns(Cpu c, Op o) {
        if (!Flags.sf(c)) {
            jmp64(c, o);
        }
    }

    static void jp(Cpu c, Op o) {
        if (Flags.pf(c)) {
            jmp64(c, o);
        }
    }

    static void jnp(Cpu c, Op o) {
        if (!Flags.pf(c)) {
            jmp64(c, o);
        }
    }

    static void jl(Cpu c, Op o) {
        if (Flags.less(c)) {
            jmp64(c, o);
        }
    }

    static void jge(Cpu c, Op o) {
        if (!Flags.less(c)) {
            jmp64(c, o);
        }
    }

    static void jle(Cpu c, Op o) {
        if (Flags.lessOrEqual(c)) {
            jmp64(c, o);
        }
    }

    static void jg(Cpu c, Op o) {
        if (!Flags.lessOrEqual(c)) {
            jmp64(c, o);
        }
    }

    // ---- LOOP and JrCXZ: the address size selects CX, ECX or RCX ----

    static void jcxz(Cpu c, Op o) {
        if ((c.gpr[Registers.RCX] & o.addressMask) == 0) {
            jump(c, relativeTarget(c, o));
        }
    }

    static void loop(Cpu c, Op o) {
        loopIf(c, o, true);
    }

    static void loope(Cpu c, Op o) {
        loopIf(c, o, Flags.zf(c));
    }

    static void loopne(Cpu c, Op o) {
        loopIf(c, o, !Flags.zf(c));
    }

    private static void loopIf(Cpu c, Op o, boolean condition) {
        long count = c.gpr[Registers.RCX] - 1 & o.addressMask;
        if (count != 0 && condition) {
            jump(c, relativeTarget(c, o));
        }
        Registers.set(c, Registers.RCX, o.instruction.addressSize, count);
    }
}
