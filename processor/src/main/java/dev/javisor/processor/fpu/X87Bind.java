package dev.javisor.processor.fpu;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Handler;

/** From x87 instructions to their semantics. */
public final class X87Bind {
    private X87Bind() {}

    /** The 11-bit last-instruction opcode: low three bits of the first byte, then the ModRM byte. */
    static int opcode(Instruction i) {
        int first = i.opcode.code & 7;
        int mod = !i.memory ? 3 : 0;
        return first << 8 | mod << 6 | (i.reg & 7) << 3 | i.rm & 7;
    }

    public static Handler bind(Instruction i) {
        String m = i.opcode.mnemonic;
        char first = m.charAt(0);
        if (first != 'F') {
            return null;
        }
        Handler h = data(i, m);
        return h != null ? h : control(i, m);
    }

    /** Kind of the memory operand of a floating-point instruction. */
    private static int real(Instruction i) {
        return i.opcode.operands.contains("Md") ? X87Move.SINGLE : X87Move.DOUBLE;
    }

    private static int integer(Instruction i) {
        return i.opcode.operands.contains("Mw") ? X87Move.WORD : i.opcode.operands.contains("Md") ? X87Move.DOUBLEWORD : X87Move.QUADWORD;
    }

    private static Handler arithmetic(Instruction i, int operation) {
        if (i.memory) {
            return X87Arithmetic.memory(operation, real(i));
        }
        return i.opcode.operands.getFirst().equals("ST(0)") ? X87Arithmetic.toTop(operation) : X87Arithmetic.fromTop(operation, false);
    }

    private static Handler integerArithmetic(Instruction i, int operation) {
        return X87Arithmetic.memory(operation, integer(i));
    }

    private static Handler data(Instruction i, String mnemonic) {
        return switch (mnemonic) {
            case "FADD" -> arithmetic(i, X87Arithmetic.ADD);
            case "FMUL" -> arithmetic(i, X87Arithmetic.MUL);
            case "FSUB" -> arithmetic(i, X87Arithmetic.SUB);
            case "FSUBR" -> arithmetic(i, X87Arithmetic.SUBR);
            case "FDIV" -> arithmetic(i, X87Arithmetic.DIV);
            case "FDIVR" -> arithmetic(i, X87Arithmetic.DIVR);
            case "FADDP" -> X87Arithmetic.fromTop(X87Arithmetic.ADD, true);
            case "FMULP" -> X87Arithmetic.fromTop(X87Arithmetic.MUL, true);
            case "FSUBP" -> X87Arithmetic.fromTop(X87Arithmetic.SUB, true);
            case "FSUBRP" -> X87Arithmetic.fromTop(X87Arithmetic.SUBR, true);
            case "FDIVP" -> X87Arithmetic.fromTop(X87Arithmetic.DIV, true);
            case "FDIVRP" -> X87Arithmetic.fromTop(X87Arithmetic.DIVR, true);
            case "FIADD" -> integerArithmetic(i, X87Arithmetic.ADD);
            case "FIMUL" -> integerArithmetic(i, X87Arithmetic.MUL);
            case "FISUB" -> integerArithmetic(i, X87Arithmetic.SUB);
            case "FISUBR" -> integerArithmetic(i, X87Arithmetic.SUBR);
            case "FIDIV" -> integerArithmetic(i, X87Arithmetic.DIV);
            case "FIDIVR" -> integerArithmetic(i, X87Arithmetic.DIVR);
            case "FSQRT" -> X87Arithmetic::fsqrt;
            case "FRNDINT" -> X87Arithmetic::frndint;
            case "FSCALE" -> X87Arithmetic::fscale;
            case "FXTRACT" -> X87Arithmetic::fxtract;
            case "FPREM" -> X87Arithmetic::fprem;
            case "FPREM1" -> X87Arithmetic::fprem1;
            case "FCHS" -> X87Arithmetic::fchs;
            case "FABS" -> X87Arithmetic::fabs;
            case "FLD" -> !i.memory ? X87Move::fldRegister : i.opcode.operands.contains("Mt") ? X87Move::fldExtended
                    : X87Move.load(real(i));
            case "FILD" -> X87Move.load(integer(i));
            case "FST" -> i.memory ? X87Move.store(real(i), false) : X87Move.storeRegister(false);
            case "FSTP" -> !i.memory ? i.opcode.code == 0xD9 ? X87Move::storeRegisterUnchecked : X87Move.storeRegister(true)
                    : i.opcode.operands.contains("Mt") ? X87Move::fstpExtended : X87Move.store(real(i), true);
            case "FIST" -> X87Move.storeInteger(integer(i), false, false);
            case "FISTP" -> X87Move.storeInteger(integer(i), false, true);
            case "FISTTP" -> X87Move.storeInteger(integer(i), true, true);
            case "FBLD" -> X87Move::fbld;
            case "FBSTP" -> X87Move::fbstp;
            case "FXCH" -> X87Move::fxch;
            case "FCMOVB" -> X87Move.conditional(0, false);
            case "FCMOVE" -> X87Move.conditional(1, false);
            case "FCMOVBE" -> X87Move.conditional(2, false);
            case "FCMOVU" -> X87Move.conditional(3, false);
            case "FCMOVNB" -> X87Move.conditional(0, true);
            case "FCMOVNE" -> X87Move.conditional(1, true);
            case "FCMOVNBE" -> X87Move.conditional(2, true);
            case "FCMOVNU" -> X87Move.conditional(3, true);
            case "FLDZ" -> X87Move.constant(0, 0, 0, 0);
            case "FLD1" -> X87Move.constant(0, 0x8000000000000000L, 0x8000000000000000L, 0x8000000000000000L);
            case "FLDL2T" -> X87Move.constant(1, 0xD49A784BCD1B8AFEL, 0xD49A784BCD1B8AFEL, 0xD49A784BCD1B8AFFL);
            case "FLDL2E" -> X87Move.constant(0, 0xB8AA3B295C17F0BCL, 0xB8AA3B295C17F0BBL, 0xB8AA3B295C17F0BCL);
            case "FLDPI" -> X87Move.constant(1, 0xC90FDAA22168C235L, 0xC90FDAA22168C234L, 0xC90FDAA22168C235L);
            case "FLDLG2" -> X87Move.constant(-2, 0x9A209A84FBCFF799L, 0x9A209A84FBCFF798L, 0x9A209A84FBCFF799L);
            case "FLDLN2" -> X87Move.constant(-1, 0xB17217F7D1CF79ACL, 0xB17217F7D1CF79ABL, 0xB17217F7D1CF79ACL);
            default -> null;
        };
    }

    private static Handler control(Instruction i, String mnemonic) {
        return switch (mnemonic) {
            case "FCOM" -> i.memory ? X87Compare.memory(real(i), false) : X87Compare.register(false, 0);
            case "FCOMP" -> i.memory ? X87Compare.memory(real(i), true) : X87Compare.register(false, 1);
            case "FICOM" -> X87Compare.memory(integer(i), false);
            case "FICOMP" -> X87Compare.memory(integer(i), true);
            case "FUCOM" -> X87Compare.register(true, 0);
            case "FUCOMP" -> X87Compare.register(true, 1);
            case "FCOMPP" -> X87Compare.second(false);
            case "FUCOMPP" -> X87Compare.second(true);
            case "FCOMI" -> X87Compare.flags(false, false);
            case "FCOMIP" -> X87Compare.flags(false, true);
            case "FUCOMI" -> X87Compare.flags(true, false);
            case "FUCOMIP" -> X87Compare.flags(true, true);
            case "FTST" -> X87Compare::ftst;
            case "FXAM" -> X87Compare::fxam;
            case "FNINIT" -> X87Control::fninit;
            case "FNCLEX" -> X87Control::fnclex;
            case "FLDCW" -> X87Control::fldcw;
            case "FNSTCW" -> X87Control::fnstcw;
            case "FNSTSW" -> i.memory ? X87Control::fnstswMemory : X87Control::fnstswAx;
            case "FWAIT" -> X87Control::fwait;
            case "FNENI", "FNDISI", "FNSETPM" -> X87Control::nothing;
            case "FNOP" -> X87Control::fnop;
            case "FINCSTP" -> X87Control::fincstp;
            case "FDECSTP" -> X87Control::fdecstp;
            case "FFREE" -> X87Control::ffree;
            case "FFREEP" -> X87Control::ffreep;
            case "FNSTENV" -> X87Control::fnstenv;
            case "FLDENV" -> X87Control::fldenv;
            case "FNSAVE" -> X87Control::fnsave;
            case "FRSTOR" -> X87Control::frstor;
            case "F2XM1" -> X87Transcendental::f2xm1;
            case "FYL2X" -> X87Transcendental::fyl2x;
            case "FYL2XP1" -> X87Transcendental::fyl2xp1;
            case "FPATAN" -> X87Transcendental::fpatan;
            case "FPTAN" -> X87Transcendental::fptan;
            case "FSIN" -> X87Transcendental::fsin;
            case "FCOS" -> X87Transcendental::fcos;
            case "FSINCOS" -> X87Transcendental::fsincos;
            default -> null;
        };
    }
}
