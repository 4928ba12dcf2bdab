package dev.javisor.cli;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Disassembler;
import dev.javisor.machine.boot.ImageFile;
import java.io.PrintStream;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code javisor disasm}. */
@Command(name = "disasm", sortOptions = false, description = "Disassembles bytes, from the command line or from a file.")
final class DisasmCommand implements Callable<Integer> {
    private static final int MAXIMUM = 1 << 30;

    @ParentCommand
    private Main javisor;

    @Parameters(paramLabel = "HEX", arity = "0..*", description = "Bytes in hexadecimal, for example 48 89 d8 or 4889d8.")
    private List<String> hex = List.of();

    @Option(names = "--file", paramLabel = "FILE", description = "Bytes from a file instead.")
    private String file;

    @Option(names = "--bits", paramLabel = "16|32|64", description = "Code size (default: ${DEFAULT-VALUE}).", defaultValue = "64")
    private int bits;

    @Option(names = "--org", paramLabel = "ADDRESS", description = "Address of the first byte (default: ${DEFAULT-VALUE}).",
            defaultValue = "0")
    private String origin;

    @Option(names = "--offset", paramLabel = "N", description = "First byte of the file (default: ${DEFAULT-VALUE}).", defaultValue = "0")
    private String offset;

    @Option(names = "--length", paramLabel = "N", description = "Number of bytes (default: all).")
    private String length;

    @Option(names = "--cpu", paramLabel = "MODEL[,+f,-f]",
            description = "What this model does not have is no instruction (default: ${DEFAULT-VALUE}).",
            defaultValue = CpuModels.DEFAULT)
    private String cpu;

    @Override
    public Integer call() {
        byte[] code = file == null ? bytes() : ImageFile.read(file, MAXIMUM).content();
        long start = number(offset);
        long count = length == null ? code.length - start : number(length);
        if (start < 0 || start > code.length || count < 0 || count > code.length - start) {
            throw new UserException("--offset and --length lie outside of the " + code.length + " bytes");
        }
        print(code, (int) start, (int) (start + count), size(), number(origin), javisor.out);
        return ExitStatus.OK;
    }

    private byte[] bytes() {
        String digits = String.join("", hex).replaceAll("0x|[\\s,]", "");
        if (digits.isEmpty()) {
            throw new UserException("give bytes in hexadecimal, or --file");
        }
        try {
            return HexFormat.of().parseHex(digits);
        } catch (IllegalArgumentException e) {
            throw new UserException("'" + String.join(" ", hex) + "' are no bytes in hexadecimal");
        }
    }

    private CodeSize size() {
        return switch (bits) {
            case 16 -> CodeSize.BITS16;
            case 32 -> CodeSize.BITS32;
            case 64 -> CodeSize.BITS64;
            default -> throw new UserException("--bits " + bits + ": 16, 32 and 64 are known");
        };
    }

    private static long number(String text) {
        try {
            return Long.decode(text);
        } catch (NumberFormatException e) {
            throw new UserException("'" + text + "' is no number; 4096 and 0x1000 are");
        }
    }

    private void print(byte[] code, int start, int end, CodeSize size, long origin, PrintStream out) {
        Decoder decoder = new Decoder(CpuModels.parse(cpu));
        Decoder.Result result = new Decoder.Result();
        HexFormat format = HexFormat.of();
        int digits = size == CodeSize.BITS64 ? 16 : 8;
        for (int at = start; at < end; ) {
            long rip = origin + at - start;
            boolean found = decoder.decode(code, at, end, size, result) == Decoder.Outcome.OK;
            int n = found ? result.instruction.length : 1;
            String text = found ? Disassembler.format(result.instruction, rip) : "db 0x" + format.toHexDigits(code[at]);
            out.printf("%0" + digits + "x  %-30s  %s%n", rip, format.formatHex(code, at, at + n), text);
            at += n;
        }
    }
}
