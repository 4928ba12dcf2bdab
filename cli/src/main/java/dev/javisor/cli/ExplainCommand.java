package dev.javisor.cli;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.CpuModels;
import dev.javisor.isa.Feature;
import dev.javisor.isa.VmcsField;
import dev.javisor.isa.VmxCapabilities;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import dev.javisor.processor.vmx.EntryRule;
import dev.javisor.processor.vmx.EntryRules;
import dev.javisor.processor.vmx.VmcsExplanation;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;

/** {@code javisor explain}. */
@Command(
        name = "explain",
        description = "Puts VMX into words: a VMCS, and the checks of VM entries.",
        subcommands = {ExplainCommand.ExplainVmcs.class, ExplainCommand.ListRules.class})
final class ExplainCommand implements Runnable {
    @ParentCommand
    private Main javisor;

    @Override
    public void run() {
        throw new UserException("explain vmcs FILE or explain list");
    }

    /**
     * A VMCS in words.
     *
     * @throws UserException if there is none at the address
     */
    static String vmcs(CpuModel model, PhysicalMemory memory, long address, String where) {
        if (!model.features().has(Feature.VMX)) {
            throw new UserException("CPU model " + model + " has no VMX");
        }
        VmcsExplanation e = new VmcsExplanation(model, memory, address);
        if (!e.hasRevision()) {
            throw new UserException("%s: no VMCS of Javisor's: the revision identifier is %#x, not %d"
                    .formatted(where, e.revision(), VmxCapabilities.REVISION));
        }
        return "VMCS " + where + ", " + e.text();
    }

    /** An address as users write it: decimal, or hexadecimal with 0x. */
    static long address(String text) {
        try {
            return text.startsWith("0x") ? Long.parseUnsignedLong(text.substring(2), 16) : Long.parseUnsignedLong(text);
        } catch (NumberFormatException e) {
            throw new UserException("'" + text + "' is no address; 4096 and 0x1000 are");
        }
    }

    @Command(
            name = "vmcs",
            description = "Prints the fields of a VMCS, what they mean, and which checks a VM entry with it would fail.",
            footer = {
                "",
                "FILE holds a VMCS region as it is in the memory of a machine of Javisor's. FILE@ADDRESS is an",
                "image of physical memory from 0, and a VMCS at ADDRESS in it; checks that look at memory (VTPR,",
                "PDPTEs, MSR lists, the VMCS link pointer) are then made too, as far as the image goes.",
                "javisor run --explain-vmcs prints one at the end of a run."
            })
    static final class ExplainVmcs implements Callable<Integer> {
        @ParentCommand
        private ExplainCommand explain;

        @Parameters(index = "0", paramLabel = "FILE[@ADDRESS]", description = "VMCS region, or memory image and address.")
        private String file;

        @Option(names = "--cpu", paramLabel = "MODEL[,+f,-f]",
                description = "CPU model whose capabilities count (default: ${DEFAULT-VALUE}).", defaultValue = CpuModels.DEFAULT)
        private String cpu;

        @Override
        public Integer call() {
            CpuModel model = CpuModels.parse(cpu);
            int at = file.lastIndexOf('@');
            String name = at < 0 ? file : file.substring(0, at);
            try (Arena arena = Arena.ofConfined(); FileChannel channel = FileChannel.open(Path.of(name))) {
                // A region alone is put where nothing else points to.
                long address = at < 0 ? (1L << model.physicalBits()) - VmxCapabilities.REGION_SIZE : address(file.substring(at + 1));
                long end = at < 0 ? VmxCapabilities.REGION_SIZE : address + VmxCapabilities.REGION_SIZE;
                if (address < 0 || (address & 0xFFF) != 0 || channel.size() < end) {
                    throw new UserException(file + ": no " + VmxCapabilities.REGION_SIZE + " bytes there, aligned to 4 KiB");
                }
                MemorySegment image = channel.map(MapMode.READ_ONLY, 0, channel.size() & ~0xFFFL, arena);
                PhysicalMemory memory = new PhysicalMemory();
                MemorySegment seen = at < 0 ? image.asSlice(0, VmxCapabilities.REGION_SIZE) : image;
                memory.add(Region.memory(at < 0 ? address : 0, seen, true));
                explain.javisor.out.print(vmcs(model, memory, address, file));
            } catch (IOException e) {
                throw new UserException(name + ": cannot be read: " + e.getMessage());
            }
            return ExitStatus.OK;
        }
    }

    @Command(name = "list", description = "Lists the checks of VM entries, in the order in which the processor makes them.")
    static final class ListRules implements Callable<Integer> {
        @ParentCommand
        private ExplainCommand explain;

        @Parameters(index = "0", arity = "0..1", paramLabel = "TEXT", description = "Only those with TEXT in their name.",
                defaultValue = "")
        private String part;

        @Override
        public Integer call() {
            List<EntryRule> rules = EntryRules.all().stream().filter(r -> r.id().contains(part)).toList();
            if (rules.isEmpty()) {
                throw new UserException("no rule has '" + part + "' in its name");
            }
            PrintStream out = explain.javisor.out;
            String section = null;
            for (EntryRule r : rules) {
                if (!r.section().equals(section)) {
                    section = r.section();
                    out.printf("\"%s\": %s%n", section, r.group().text);
                }
                out.printf("  %-33s %s%n", r.id(), r.requirement());
                out.printf("  %-33s   %s%n", "", r.fields().stream().map(ExplainCommand::name).collect(Collectors.joining(", ")));
            }
            return ExitStatus.OK;
        }
    }

    private static String name(VmcsField f) {
        return "%s (%04XH)".formatted(f.text, f.encoding);
    }
}
