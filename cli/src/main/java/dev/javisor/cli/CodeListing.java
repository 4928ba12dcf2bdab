package dev.javisor.cli;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Disassembler;
import dev.javisor.machine.CodeView;

/** Disassembled code as a processor would fetch it. */
final class CodeListing {
    private static final int INSTRUCTIONS = 40;

    private CodeListing() {}

    /** The instructions in a row from {@code rip} on. */
    static String at(CodeView code, CpuModel model, long rip) {
        Decoder decoder = new Decoder(model.features());
        Decoder.Result result = new Decoder.Result();
        byte[] bytes = new byte[Decoder.MAX_LENGTH];
        StringBuilder out = new StringBuilder();
        long at = rip;
        for (int n = 0; n < INSTRUCTIONS; n++) {
            int read = code.read(at, bytes);
            if (decoder.decode(bytes, 0, read, code.size(), result) != Decoder.Outcome.OK) {
                break;
            }
            out.append(String.format("  %x: %s%n", at, Disassembler.format(result.instruction, at)));
            at += result.length;
        }
        return out.toString();
    }
}
