package dev.javisor.processor.simd;

import static dev.javisor.processor.simd.Packed.form;
import static dev.javisor.processor.simd.Packed.mmx;
import static dev.javisor.processor.simd.Packed.mmx32;
import static dev.javisor.processor.simd.Packed.xmm;

import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Handler;

/** Packed instructions that move elements between the 64-bit lanes: shuffles, unpacking, packing, blends, horizontal arithmetic. */
public final class Shuffle {
    private Shuffle() {}

    public static Handler bind(Instruction i) {
        if (i.has(Instruction.VEX | Instruction.EVEX)) {
            return null;
        }
        return switch (i.opcode.mnemonic) {
            case "PACKSSWB" -> form(i, (c, o) -> mmx(c, o, Swar::packsswb), (c, o) -> xmm(c, o, Lanes::packsswb));
            case "PACKUSWB" -> form(i, (c, o) -> mmx(c, o, Swar::packuswb), (c, o) -> xmm(c, o, Lanes::packuswb));
            case "PACKSSDW" -> form(i, (c, o) -> mmx(c, o, Swar::packssdw), (c, o) -> xmm(c, o, Lanes::packssdw));
            case "PACKUSDW" -> (c, o) -> xmm(c, o, Lanes::packusdw);
            case "PUNPCKLBW" -> form(i, (c, o) -> mmx32(c, o, Swar::punpcklbw), (c, o) -> xmm(c, o, Lanes::punpcklbw));
            case "PUNPCKLWD" -> form(i, (c, o) -> mmx32(c, o, Swar::punpcklwd), (c, o) -> xmm(c, o, Lanes::punpcklwd));
            case "PUNPCKLDQ" -> form(i, (c, o) -> mmx32(c, o, Swar::punpckldq), (c, o) -> xmm(c, o, Lanes::punpckldq));
            case "PUNPCKHBW" -> form(i, (c, o) -> mmx(c, o, Swar::punpckhbw), (c, o) -> xmm(c, o, Lanes::punpckhbw));
            case "PUNPCKHWD" -> form(i, (c, o) -> mmx(c, o, Swar::punpckhwd), (c, o) -> xmm(c, o, Lanes::punpckhwd));
            case "PUNPCKHDQ" -> form(i, (c, o) -> mmx(c, o, Swar::punpckhdq), (c, o) -> xmm(c, o, Lanes::punpckhdq));
            case "PUNPCKLQDQ", "UNPCKLPD" -> (c, o) -> xmm(c, o, Lanes::punpcklqdq);
            case "PUNPCKHQDQ", "UNPCKHPD" -> (c, o) -> xmm(c, o, Lanes::punpckhqdq);
            case "UNPCKLPS" -> (c, o) -> xmm(c, o, Lanes::punpckldq);
            case "UNPCKHPS" -> (c, o) -> xmm(c, o, Lanes::punpckhdq);
            case "PHADDW" -> form(i, (c, o) -> mmx(c, o, Swar::phaddw), (c, o) -> xmm(c, o, Lanes::phaddw));
            case "PHADDD" -> form(i, (c, o) -> mmx(c, o, Swar::phaddd), (c, o) -> xmm(c, o, Lanes::phaddd));
            case "PHADDSW" -> form(i, (c, o) -> mmx(c, o, Swar::phaddsw), (c, o) -> xmm(c, o, Lanes::phaddsw));
            case "PHSUBW" -> form(i, (c, o) -> mmx(c, o, Swar::phsubw), (c, o) -> xmm(c, o, Lanes::phsubw));
            case "PHSUBD" -> form(i, (c, o) -> mmx(c, o, Swar::phsubd), (c, o) -> xmm(c, o, Lanes::phsubd));
            case "PHSUBSW" -> form(i, (c, o) -> mmx(c, o, Swar::phsubsw), (c, o) -> xmm(c, o, Lanes::phsubsw));
            case "PSHUFB" -> form(i, (c, o) -> mmx(c, o, Swar::pshufb), (c, o) -> xmm(c, o, Lanes::pshufb));
            case "PALIGNR" -> form(i, (c, o) -> mmx(c, o, Swar::palignr), (c, o) -> xmm(c, o, Lanes::palignr));
            case "PSHUFW" -> (c, o) -> mmx(c, o, Swar::pshufw);
            case "PSHUFD" -> (c, o) -> xmm(c, o, Lanes::pshufd);
            case "PSHUFLW" -> (c, o) -> xmm(c, o, Lanes::pshuflw);
            case "PSHUFHW" -> (c, o) -> xmm(c, o, Lanes::pshufhw);
            case "SHUFPS" -> (c, o) -> xmm(c, o, Lanes::shufps);
            case "SHUFPD" -> (c, o) -> xmm(c, o, Lanes::shufpd);
            case "PBLENDW" -> (c, o) -> xmm(c, o, Lanes::pblendw);
            case "BLENDPS" -> (c, o) -> xmm(c, o, Lanes::blendps);
            case "BLENDPD" -> (c, o) -> xmm(c, o, Lanes::blendpd);
            case "PBLENDVB" -> (c, o) -> xmm(c, o, Lanes::pblendvb);
            case "BLENDVPS" -> (c, o) -> xmm(c, o, Lanes::blendvps);
            case "BLENDVPD" -> (c, o) -> xmm(c, o, Lanes::blendvpd);
            case "MPSADBW" -> (c, o) -> xmm(c, o, Lanes::mpsadbw);
            case "PHMINPOSUW" -> (c, o) -> xmm(c, o, Lanes::phminposuw);
            default -> null;
        };
    }
}
