package dev.javisor.processor.execution;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Redo;
import dev.javisor.processor.event.Boundary;
import dev.javisor.processor.event.EventDelivery;

/** Runs decoded blocks. The oracle for every other engine. */
public final class Interpreter {
    private final Cpu cpu;
    private final Fetcher fetcher;

    public Interpreter(Cpu cpu, Fetcher fetcher) {
        this.cpu = cpu;
        this.fetcher = fetcher;
    }

    /**
     * Runs until the slice's budget is used up. Faults are delivered here; each delivery takes one tick, so that time never stands still.
     */
    public void run() {
        Cpu c = cpu;
        while (c.budget > 0) {
            try {
                if ((c.rflags & Flags.RF) != 0) {
                    resume();
                    continue;
                }
                Block b = fetcher.fetch();
                execute(c, b, Math.min(b.length, c.budget));
                while (c.budget > 0 && (c.rflags & Flags.RF) == 0) {
                    b = fetcher.next(b);
                    execute(c, b, Math.min(b.length, c.budget));
                }
            } catch (GuestFault fault) {
                rewind(c);
                deliver(fault);
            } catch (Redo redo) {
                rewind(c);
                fetcher.begunAgain();
                step();
            }
        }
    }

    /** Runs the instruction behind an IRET that has set RF. */
    void resume() {
        Cpu c = cpu;
        c.resumeFlagLoaded = false;
        execute(c, fetcher.fetch(), 1);
        Boundary.endResume(c);
    }

    /** Runs one instruction. @return false when it faulted (the fault has been delivered) */
    public boolean step() {
        Cpu c = cpu;
        try {
            execute(c, fetcher.fetch(), 1);
            return true;
        } catch (GuestFault fault) {
            rewind(c);
            deliver(fault);
            return false;
        }
    }

    static void execute(Cpu c, Block b, int n) {
        Op[] ops = b.ops;
        long rip = c.rip;
        c.gpr[Op.BLOCK_RIP] = rip;
        c.rip = rip + (n == b.length ? b.bytes : ops[n - 1].end);
        c.budget -= n;
        c.running = b.ops;
        c.blockLength = n;
        for (int k = 0; k < n; k++) {
            c.position = k;
            Op o = ops[k];
            o.executor.execute(c, o);
        }
        c.position = 0;
        c.blockLength = 0;
    }

    /** Back to the start of the running instruction: what stands before it in its block has retired, it and the rest have not. */
    static void rewind(Cpu c) {
        int n = c.blockLength;
        if (n > 0) {
            int k = c.position;
            c.rip = c.gpr[Op.BLOCK_RIP] + c.running[k].start;
            c.budget += n - k;
            c.blockLength = 0;
            c.position = 0;
        }
    }

    void deliver(GuestFault fault) {
        Cpu c = cpu;
        c.budget--;
        c.deliveries++;
        c.latency = 0;
        EventDelivery.deliver(c, fault);
    }
}
