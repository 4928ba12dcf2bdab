package dev.javisor.processor.simd;

import static dev.javisor.processor.simd.Packed.form;
import static dev.javisor.processor.simd.Packed.mmx;
import static dev.javisor.processor.simd.Packed.mmxByImmediate;
import static dev.javisor.processor.simd.Packed.xmm;
import static dev.javisor.processor.simd.Packed.xmmByCount;
import static dev.javisor.processor.simd.Packed.xmmByImmediate;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Handler;

/** Packed integer instructions that treat every 64-bit lane for itself: arithmetic, comparison, logic and shifts. */
public final class PackedInteger {
    private PackedInteger() {}

    public static Handler bind(Instruction i) {
        if (i.has(Instruction.VEX | Instruction.EVEX)) {
            return null;
        }
        Handler h = arithmetic(i);
        return h != null ? h : i.opcode.operands.size() == 2 && i.opcode.operands.getLast().equals("Ib") ? shiftByImmediate(i) : shift(i);
    }

    private static Handler arithmetic(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "PADDB" -> form(i, (c, o) -> mmx(c, o, Swar::paddb), (c, o) -> xmm(c, o, Swar::paddb));
            case "PADDW" -> form(i, (c, o) -> mmx(c, o, Swar::paddw), (c, o) -> xmm(c, o, Swar::paddw));
            case "PADDD" -> form(i, (c, o) -> mmx(c, o, Swar::paddd), (c, o) -> xmm(c, o, Swar::paddd));
            case "PADDQ" -> form(i, (c, o) -> mmx(c, o, Swar::paddq), (c, o) -> xmm(c, o, Swar::paddq));
            case "PSUBB" -> form(i, (c, o) -> mmx(c, o, Swar::psubb), (c, o) -> xmm(c, o, Swar::psubb));
            case "PSUBW" -> form(i, (c, o) -> mmx(c, o, Swar::psubw), (c, o) -> xmm(c, o, Swar::psubw));
            case "PSUBD" -> form(i, (c, o) -> mmx(c, o, Swar::psubd), (c, o) -> xmm(c, o, Swar::psubd));
            case "PSUBQ" -> form(i, (c, o) -> mmx(c, o, Swar::psubq), (c, o) -> xmm(c, o, Swar::psubq));
            case "PADDSB" -> form(i, (c, o) -> mmx(c, o, Swar::paddsb), (c, o) -> xmm(c, o, Swar::paddsb));
            case "PADDSW" -> form(i, (c, o) -> mmx(c, o, Swar::paddsw), (c, o) -> xmm(c, o, Swar::paddsw));
            case "PSUBSB" -> form(i, (c, o) -> mmx(c, o, Swar::psubsb), (c, o) -> xmm(c, o, Swar::psubsb));
            case "PSUBSW" -> form(i, (c, o) -> mmx(c, o, Swar::psubsw), (c, o) -> xmm(c, o, Swar::psubsw));
            case "PADDUSB" -> form(i, (c, o) -> mmx(c, o, Swar::paddusb), (c, o) -> xmm(c, o, Swar::paddusb));
            case "PADDUSW" -> form(i, (c, o) -> mmx(c, o, Swar::paddusw), (c, o) -> xmm(c, o, Swar::paddusw));
            case "PSUBUSB" -> form(i, (c, o) -> mmx(c, o, Swar::psubusb), (c, o) -> xmm(c, o, Swar::psubusb));
            case "PSUBUSW" -> form(i, (c, o) -> mmx(c, o, Swar::psubusw), (c, o) -> xmm(c, o, Swar::psubusw));
            case "PAVGB" -> form(i, (c, o) -> mmx(c, o, Swar::pavgb), (c, o) -> xmm(c, o, Swar::pavgb));
            case "PAVGW" -> form(i, (c, o) -> mmx(c, o, Swar::pavgw), (c, o) -> xmm(c, o, Swar::pavgw));
            case "PAND" -> form(i, (c, o) -> mmx(c, o, Swar::pand), (c, o) -> xmm(c, o, Swar::pand));
            case "PANDN" -> form(i, (c, o) -> mmx(c, o, Swar::pandn), (c, o) -> xmm(c, o, Swar::pandn));
            case "POR" -> form(i, (c, o) -> mmx(c, o, Swar::por), (c, o) -> xmm(c, o, Swar::por));
            case "PXOR" -> form(i, (c, o) -> mmx(c, o, Swar::pxor), (c, o) -> xmm(c, o, Swar::pxor));
            case "ANDPS", "ANDPD" -> (c, o) -> xmm(c, o, Swar::pand);
            case "ANDNPS", "ANDNPD" -> (c, o) -> xmm(c, o, Swar::pandn);
            case "ORPS", "ORPD" -> (c, o) -> xmm(c, o, Swar::por);
            case "XORPS", "XORPD" -> (c, o) -> xmm(c, o, Swar::pxor);
            case "PCMPEQB" -> form(i, (c, o) -> mmx(c, o, Swar::pcmpeqb), (c, o) -> xmm(c, o, Swar::pcmpeqb));
            case "PCMPEQW" -> form(i, (c, o) -> mmx(c, o, Swar::pcmpeqw), (c, o) -> xmm(c, o, Swar::pcmpeqw));
            case "PCMPEQD" -> form(i, (c, o) -> mmx(c, o, Swar::pcmpeqd), (c, o) -> xmm(c, o, Swar::pcmpeqd));
            case "PCMPEQQ" -> (c, o) -> xmm(c, o, Swar::pcmpeqq);
            case "PCMPGTB" -> form(i, (c, o) -> mmx(c, o, Swar::pcmpgtb), (c, o) -> xmm(c, o, Swar::pcmpgtb));
            case "PCMPGTW" -> form(i, (c, o) -> mmx(c, o, Swar::pcmpgtw), (c, o) -> xmm(c, o, Swar::pcmpgtw));
            case "PCMPGTD" -> form(i, (c, o) -> mmx(c, o, Swar::pcmpgtd), (c, o) -> xmm(c, o, Swar::pcmpgtd));
            case "PCMPGTQ" -> (c, o) -> xmm(c, o, Swar::pcmpgtq);
            case "PMINUB" -> form(i, (c, o) -> mmx(c, o, Swar::pminub), (c, o) -> xmm(c, o, Swar::pminub));
            case "PMAXUB" -> form(i, (c, o) -> mmx(c, o, Swar::pmaxub), (c, o) -> xmm(c, o, Swar::pmaxub));
            case "PMINSW" -> form(i, (c, o) -> mmx(c, o, Swar::pminsw), (c, o) -> xmm(c, o, Swar::pminsw));
            case "PMAXSW" -> form(i, (c, o) -> mmx(c, o, Swar::pmaxsw), (c, o) -> xmm(c, o, Swar::pmaxsw));
            case "PMINSB" -> (c, o) -> xmm(c, o, Swar::pminsb);
            case "PMINSD" -> (c, o) -> xmm(c, o, Swar::pminsd);
            case "PMINUW" -> (c, o) -> xmm(c, o, Swar::pminuw);
            case "PMINUD" -> (c, o) -> xmm(c, o, Swar::pminud);
            case "PMAXSB" -> (c, o) -> xmm(c, o, Swar::pmaxsb);
            case "PMAXSD" -> (c, o) -> xmm(c, o, Swar::pmaxsd);
            case "PMAXUW" -> (c, o) -> xmm(c, o, Swar::pmaxuw);
            case "PMAXUD" -> (c, o) -> xmm(c, o, Swar::pmaxud);
            case "PMULLW" -> form(i, (c, o) -> mmx(c, o, Swar::pmullw), (c, o) -> xmm(c, o, Swar::pmullw));
            case "PMULHW" -> form(i, (c, o) -> mmx(c, o, Swar::pmulhw), (c, o) -> xmm(c, o, Swar::pmulhw));
            case "PMULHUW" -> form(i, (c, o) -> mmx(c, o, Swar::pmulhuw), (c, o) -> xmm(c, o, Swar::pmulhuw));
            case "PMULHRSW" -> form(i, (c, o) -> mmx(c, o, Swar::pmulhrsw), (c, o) -> xmm(c, o, Swar::pmulhrsw));
            case "PMADDWD" -> form(i, (c, o) -> mmx(c, o, Swar::pmaddwd), (c, o) -> xmm(c, o, Swar::pmaddwd));
            case "PMADDUBSW" -> form(i, (c, o) -> mmx(c, o, Swar::pmaddubsw), (c, o) -> xmm(c, o, Swar::pmaddubsw));
            case "PMULUDQ" -> form(i, (c, o) -> mmx(c, o, Swar::pmuludq), (c, o) -> xmm(c, o, Swar::pmuludq));
            case "PMULDQ" -> (c, o) -> xmm(c, o, Swar::pmuldq);
            case "PMULLD" -> (c, o) -> xmm(c, o, Swar::pmulld);
            case "PSADBW" -> form(i, (c, o) -> mmx(c, o, Swar::psadbw), (c, o) -> xmm(c, o, Swar::psadbw));
            case "PABSB" -> form(i, (c, o) -> mmx(c, o, Swar::pabsb), (c, o) -> xmm(c, o, Swar::pabsb));
            case "PABSW" -> form(i, (c, o) -> mmx(c, o, Swar::pabsw), (c, o) -> xmm(c, o, Swar::pabsw));
            case "PABSD" -> form(i, (c, o) -> mmx(c, o, Swar::pabsd), (c, o) -> xmm(c, o, Swar::pabsd));
            case "PSIGNB" -> form(i, (c, o) -> mmx(c, o, Swar::psignb), (c, o) -> xmm(c, o, Swar::psignb));
            case "PSIGNW" -> form(i, (c, o) -> mmx(c, o, Swar::psignw), (c, o) -> xmm(c, o, Swar::psignw));
            case "PSIGND" -> form(i, (c, o) -> mmx(c, o, Swar::psignd), (c, o) -> xmm(c, o, Swar::psignd));
            default -> null;
        };
    }

    private static Handler shift(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "PSLLW" -> form(i, (c, o) -> mmx(c, o, Swar::psllw), (c, o) -> xmmByCount(c, o, Swar::psllw));
            case "PSLLD" -> form(i, (c, o) -> mmx(c, o, Swar::pslld), (c, o) -> xmmByCount(c, o, Swar::pslld));
            case "PSLLQ" -> form(i, (c, o) -> mmx(c, o, Swar::psllq), (c, o) -> xmmByCount(c, o, Swar::psllq));
            case "PSRLW" -> form(i, (c, o) -> mmx(c, o, Swar::psrlw), (c, o) -> xmmByCount(c, o, Swar::psrlw));
            case "PSRLD" -> form(i, (c, o) -> mmx(c, o, Swar::psrld), (c, o) -> xmmByCount(c, o, Swar::psrld));
            case "PSRLQ" -> form(i, (c, o) -> mmx(c, o, Swar::psrlq), (c, o) -> xmmByCount(c, o, Swar::psrlq));
            case "PSRAW" -> form(i, (c, o) -> mmx(c, o, Swar::psraw), (c, o) -> xmmByCount(c, o, Swar::psraw));
            case "PSRAD" -> form(i, (c, o) -> mmx(c, o, Swar::psrad), (c, o) -> xmmByCount(c, o, Swar::psrad));
            default -> null;
        };
    }

    private static Handler shiftByImmediate(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "PSLLW" -> form(i, (c, o) -> mmxByImmediate(c, o, Swar::psllw), (c, o) -> xmmByImmediate(c, o, Swar::psllw));
            case "PSLLD" -> form(i, (c, o) -> mmxByImmediate(c, o, Swar::pslld), (c, o) -> xmmByImmediate(c, o, Swar::pslld));
            case "PSLLQ" -> form(i, (c, o) -> mmxByImmediate(c, o, Swar::psllq), (c, o) -> xmmByImmediate(c, o, Swar::psllq));
            case "PSRLW" -> form(i, (c, o) -> mmxByImmediate(c, o, Swar::psrlw), (c, o) -> xmmByImmediate(c, o, Swar::psrlw));
            case "PSRLD" -> form(i, (c, o) -> mmxByImmediate(c, o, Swar::psrld), (c, o) -> xmmByImmediate(c, o, Swar::psrld));
            case "PSRLQ" -> form(i, (c, o) -> mmxByImmediate(c, o, Swar::psrlq), (c, o) -> xmmByImmediate(c, o, Swar::psrlq));
            case "PSRAW" -> form(i, (c, o) -> mmxByImmediate(c, o, Swar::psraw), (c, o) -> xmmByImmediate(c, o, Swar::psraw));
            case "PSRAD" -> form(i, (c, o) -> mmxByImmediate(c, o, Swar::psrad), (c, o) -> xmmByImmediate(c, o, Swar::psrad));
            case "PSLLDQ" -> (c, o) -> xmmByImmediate(c, o, Lanes::pslldq);
            case "PSRLDQ" -> (c, o) -> xmmByImmediate(c, o, Lanes::psrldq);
            default -> null;
        };
    }
}
