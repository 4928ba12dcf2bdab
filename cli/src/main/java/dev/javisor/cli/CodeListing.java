package dev.javisor.cli;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Disassembler;
import dev.javisor.processor.LogicalProcessor;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Translation;

/** Disassembled code as a processor would fetch it. */
final class CodeListing {
    private static final int INSTRUCTIONS = 40;

    private CodeListing() {}

    /** The instructions in a row from {@code rip} on. The processor must not go on behind this. */
    static String at(LogicalProcessor p, long rip) {
        Cpu c = p.cpu();
        CodeSize size = c.codeSize64 ? CodeSize.BITS64 : c.codeBits == 32 ? CodeSize.BITS32 : CodeSize.BITS16;
        Decoder decoder = new Decoder(c.model.features());
        Decoder.Result result = new Decoder.Result();
        byte[] bytes = new byte[Decoder.MAX_LENGTH];
        StringBuilder out = new StringBuilder();
        long at = rip;
        for (int n = 0; n < INSTRUCTIONS; n++) {
            int read = read(c, at + (c.codeSize64 ? 0 : c.segBase[Cpu.CS]), bytes);
            if (decoder.decode(bytes, 0, read, size, result) != Decoder.Outcome.OK) {
                break;
            }
            out.append(String.format("  %x: %s%n", at, Disassembler.format(result.instruction, at)));
            at += result.length;
        }
        return out.toString();
    }

    /** Reads code. @return how many bytes there are */
    private static int read(Cpu c, long linear, byte[] bytes) {
        try {
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) c.memory.read(c.translation.translate(c, c.fetchContext(), linear + i, Translation.FETCH), 1);
            }
            return bytes.length;
        } catch (GuestFault e) {
            return 0;
        }
    }
}
