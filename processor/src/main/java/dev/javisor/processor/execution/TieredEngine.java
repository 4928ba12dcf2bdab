package dev.javisor.processor.execution;

import dev.javisor.processor.compiler.Region;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Redo;

/** Runs compiled regions where there are any, and blocks where not; has hot blocks compiled. */
public final class TieredEngine {
    /** Of so many executions of a block that ends at a boundary one at least must need it. */
    private static final int RARELY = 16;

    private final Cpu cpu;
    private final Fetcher fetcher;
    private final Interpreter interpreter;
    private final RegionFactory factory;
    /** When the running region was entered, in machine time without what is no instruction. */
    private long entered;

    private Region running;

    private long compiledInstructions;
    private long regionEntries;

    public TieredEngine(Cpu cpu, Fetcher fetcher, Interpreter interpreter, CodeCache cache) {
        this.cpu = cpu;
        this.fetcher = fetcher;
        this.interpreter = interpreter;
        this.factory = cache.factory;
    }

    /** Instructions retired by compiled code, and how often it was entered. */
    public long compiledInstructions() {
        return compiledInstructions;
    }

    public long regionEntries() {
        return regionEntries;
    }

    /** As {@link Interpreter#run}. */
    public void run() {
        Cpu c = cpu;
        factory.install();
        while (c.budget > 0) {
            try {
                do {
                    if ((c.rflags & Flags.RF) != 0) {
                        interpreter.resume();
                        continue;
                    }
                    Region code = c.codeSize64 ? fetcher.fetchRegion() : null;
                    if (code == null || !execute(c, code, c.rip & ~0xFFFL)) {
                        fetch(c);
                    }
                } while (c.budget > 0);
            } catch (GuestFault fault) {
                rewind(c);
                interpreter.deliver(fault);
            } catch (Redo redo) {
                rewind(c);
                fetcher.begunAgain();
                interpreter.step();
            }
        }
    }

    /** What the short way does not do: interprets what is not compiled, until compiled code has run. */
    private void fetch(Cpu c) {
        Block b = fetcher.fetch();
        while (b.code == null || c.budget < b.length || !c.codeSize64 && !isInReach(c, b) || !execute(c, b.code, c.rip - b.offset)) {
            interpret(c, b);
            if (c.budget <= 0 || (c.rflags & Flags.RF) != 0) {
                return;
            }
            b = fetcher.next(b);
        }
    }

    /**
     * @param page what RIP would be at the first byte of the page
     * @return false when the budget is too small for the first block
     */
    private boolean execute(Cpu c, Region code, long page) {
        long budget = c.budget;
        entered = c.sliceEnd - budget - c.otherTime;
        running = code;
        code.used = true;
        c.gpr[Op.BLOCK_RIP] = page;
        boolean interprets = code.run(c, (int) (c.rip - page));
        leave(c);
        if (code.retired > code.proof) {
            factory.improve(code, compiledInstructions);
        }
        if (interprets) {
            code.slowAccesses++;
            interpret(c, fetcher.fetch());
            return true;
        }
        return c.budget != budget;
    }

    private void leave(Cpu c) {
        c.site = -1;
        c.blockLength = 0;
        long n = c.sliceEnd - c.budget - c.otherTime - entered;
        compiledInstructions += n;
        regionEntries++;
        running.entries++;
        if (c.slowAccesses != 0) {
            running.slowAccesses += c.slowAccesses;
            c.slowAccesses = 0;
        }
        running.retired += n;
    }

    private void interpret(Cpu c, Block b) {
        int boundaries = c.boundaries;
        Interpreter.execute(c, b, Math.min(b.length, c.budget));
        if (b.endsAtBoundary && c.boundaries != boundaries) {
            b.boundaries++;
        }
        if (++b.heat == factory.threshold && b.page != null && !b.forgotten) {
            heated(b);
        }
    }

    private void heated(Block b) {
        if (b.endsAtBoundary && b.boundaries < b.heat / RARELY) {
            fetcher.join(b);
        } else {
            factory.request(b);
        }
    }

    /** Outside 64-bit mode: jumps within the page neither wrap around nor leave the code segment. */
    private static boolean isInReach(Cpu c, Block b) {
        long first = c.rip - b.offset;
        long beyond = first + 4096;
        return first >= 0 && beyond <= (c.codeBits == 16 ? 0x10000 : 1L << 32) && (!c.checksCodeLimit || beyond <= c.segLimit[Cpu.CS] + 1);
    }

    private void rewind(Cpu c) {
        if (c.site < 0) {
            Interpreter.rewind(c);
            return;
        }
        c.rip = c.gpr[Op.BLOCK_RIP] + c.site;
        c.budget += c.blockLength;
        leave(c);
    }
}
