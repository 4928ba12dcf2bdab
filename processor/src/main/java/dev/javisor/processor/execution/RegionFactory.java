package dev.javisor.processor.execution;

import dev.javisor.isa.Instruction;
import dev.javisor.isa.Opcode;
import dev.javisor.processor.compiler.Effort;
import dev.javisor.processor.compiler.HotSpot;
import dev.javisor.processor.compiler.Plan;
import dev.javisor.processor.compiler.Region;
import dev.javisor.processor.compiler.RegionCompiler;
import dev.javisor.processor.core.Op;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** Chooses what is compiled together, and has it compiled. */
final class RegionFactory {
    private static final int MOST_INSTRUCTIONS = 120;
    /** The same for hot regions that become one. */
    private static final int MOST_TOGETHER = 200;
    /** Each costs some 40 KB of the Java machine's memory. */
    private static final int MOST_REGIONS = 4000;
    /** When more regions wait to be compiled, hot code has to become hot again. */
    private static final int MOST_PENDING = 1000;
    /** A page whose compiled code has changed so often is compiled later: its code may go on changing. */
    private static final int RESTLESS = 4;
    /** Instructions that a region runs before it is compiled with full effort, which takes the Java machine about as long as these. */
    private static final long PROOF = 5_000_000;
    /**
     * Of what compiled code runs, a region must run one part in so many. The optimizing compiler's code is larger: where the time is spread
     * over so many regions that the host's caches cannot hold it, it is slower.
     */
    private static final int MOST_SPREAD = 100;
    /** Regions that the Java machine is asked to compile: each request leaves 160 bytes of its memory behind for ever, a JNI method ID. */
    private static final int MOST_REQUESTS = 50_000;
    /** Calls after which the Java machine has compiled a method, as far as it may; and for the first time. */
    private static final int CALLS_TO_QUICK = 9_000, CALLS_TO_PROFILE = 300;
    /** Instructions for each slow access, below which leaving the region for them costs more than it gains. */
    private static final int RARELY = 1000;
    /** The Java machine compiles regions with full effort at about this rate. */
    private static final long PAUSE_MILLISECONDS = 30;
    /** Near branches; what else changes RIP stays with the interpreter. */
    private static final Set<String> BRANCHES = Set.of("JMP", "CALL", "RET", "LOOP", "LOOPE", "LOOPNE", "JCXZ");

    /**
     * Serializing instructions that operating systems run often. What is a device's, or exits from a guest, needs an instruction boundary
     * that compiled code does not have.
     */
    private static final Set<String> SYSTEM = Set.of(
            "SYSCALL", "SYSRET", "IRET", "INT", "SWAPGS", "STI", "POPF", "STAC", "CLAC", "CLTS", "INVLPG", "MOV", "POP", "RDMSR", "WRMSR",
            "WRPKRU", "XRSTOR");
    /** Behind these control does not go on. */
    private static final Set<String> UNCONDITIONAL = Set.of("JMP", "RET", "IRET", "SYSRET");

    /** Executions that make a block hot. */
    final int threshold;

    /** Regions are made quickly first, and those that stay hot again with more effort. Else once, with full effort. */
    private final boolean twoLevels;
    /** What is done about a region at first. */
    private final Effort first;

    private final ExecutorService worker;
    private final ExecutorService improver;
    /** Requests that the worker has not come to, each the blocks of a region. */
    private final List<List<Block>> waiting = new ArrayList<>();
    /** Their number, and that of the improver's. */
    private final AtomicInteger pending = new AtomicInteger(), improvements = new AtomicInteger();

    private final Queue<CompiledRegion> finished = new ConcurrentLinkedQueue<>();
    /** In the order of installation; some may have been dropped meanwhile. */
    private final Deque<CompiledRegion> installed = new ArrayDeque<>();
    /** Length of that queue at which dropped ones are taken out. */
    private int tidyAt = 64;

    private final CompilerStatistics statistics = new CompilerStatistics();

    RegionFactory(Engine engine) {
        boolean atOnce = engine == Engine.COMPILER;
        threshold = atOnce ? 2 : 500;
        twoLevels = !atOnce && Integer.getInteger("javisor.compilerLevels", 1) == 2;
        first = twoLevels ? Effort.QUICK : Effort.valueOf(System.getProperty("javisor.compilerEffort", Effort.FULL.name()));
        worker = atOnce ? null : thread("region compiler");
        improver = twoLevels ? thread("region improver") : null;
    }

    private static ExecutorService thread(String name) {
        return Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name(name).factory());
    }

    CompilerStatistics statistics() {
        return statistics;
    }

    /** A block has become hot. */
    void request(Block head) {
        if (pending.get() >= MOST_PENDING) {
            head.heat = 0;
            return;
        }
        int changes = head.page.changes();
        if (changes >= RESTLESS && !head.waited) {
            head.waited = true;
            head.heat = -threshold * Math.min(changes, 100);
            return;
        }
        List<Block> blocks = collect(head);
        if (blocks.isEmpty()) {
            return;
        }
        if (worker != null) {
            pending.incrementAndGet();
            synchronized (waiting) {
                waiting.add(blocks);
            }
            worker.execute(() -> compileWaiting(hottest()));
        } else {
            compile(blocks);
        }
        install();
    }

    /**
     * A region has proved to be hot. It is made again, together with hot ones of its page between which control goes to and fro; but not
     * before what is still interpreted, and not where it is one of many.
     *
     * @param now instructions that compiled code has run
     */
    void improve(Region code, long now) {
        if (code.effort == Effort.QUICK) {
            long all = now - code.since;
            boolean isFirst = code.since == 0;
            code.since = now;
            if (isFirst || all > MOST_SPREAD * PROOF) {
                code.proof = code.retired + PROOF;
                return;
            }
        }
        if (improvements.get() >= MOST_PENDING || pending.get() > 0) {
            code.proof += PROOF;
            return;
        }
        code.proof = code.effort == Effort.QUICK ? Long.MAX_VALUE : 4 * code.proof;
        installed.stream().filter(r -> r.code == code && r.isInstalled() && !r.improving).findFirst().ifPresent(this::improve);
    }

    private void improve(CompiledRegion r) {
        List<CompiledRegion> together = new ArrayList<>();
        together.add(r);
        if (r.isLeftOften() && r.page().changes() == 0) {
            installed.stream().filter(other -> other != r && other.page() == r.page() && isHot(other)).forEach(together::add);
        }
        if (together.size() > 1 || r.code.effort == Effort.QUICK || r.code.effort == Effort.FULL && isSlow(r)) {
            together.forEach(one -> one.improving = true);
            improvements.incrementAndGet();
            improver.execute(() -> compileAgain(together));
        }
    }

    private static boolean isSlow(CompiledRegion r) {
        return r.code.effort == Effort.PATIENT || r.code.slowAccesses * RARELY > r.code.retired;
    }

    private static boolean isHot(CompiledRegion r) {
        return r.isInstalled() && !r.improving && r.isLeftOften() && (r.code.effort != Effort.QUICK || r.code.retired > PROOF / 8);
    }

    /** Enters what has been compiled meanwhile. */
    void install() {
        for (CompiledRegion r = finished.poll(); r != null; r = finished.poll()) {
            if (r.install()) {
                installed.add(r);
                statistics.installed++;
                evict();
            } else {
                statistics.stale++;
            }
        }
    }

    /** Drops regions that have not been entered for a round of the queue, until there is room. */
    private void evict() {
        if (installed.size() >= tidyAt) {
            installed.removeIf(r -> !r.isInstalled());
            tidyAt = 2 * installed.size() + 64;
        }
        while (installed.size() > MOST_REGIONS) {
            CompiledRegion r = installed.poll();
            if (r.isInstalled() && r.code.used) {
                r.code.used = false;
                installed.add(r);
            } else if (r.isInstalled()) {
                r.drop();
                statistics.evicted++;
            }
        }
    }

    /** Takes out of those that wait the region that is interpreted most, for its size: it may be worth more than the others together. */
    private List<Block> hottest() {
        synchronized (waiting) {
            int best = 0;
            double most = -1;
            for (int k = 0; k < waiting.size(); k++) {
                double heat = heat(waiting.get(k));
                if (heat > most) {
                    best = k;
                    most = heat;
                }
            }
            return waiting.remove(best);
        }
    }

    /** Executions of an instruction, on average; counted while this looks. */
    private static double heat(List<Block> blocks) {
        long instructions = 0, executed = 0;
        for (Block b : blocks) {
            instructions += b.length;
            executed += (long) b.length * b.heat;
        }
        return (double) executed / instructions;
    }

    private void compileWaiting(List<Block> blocks) {
        pending.decrementAndGet();
        if (blocks.stream().anyMatch(b -> b.forgotten)) {
            finished.add(new CompiledRegion(null, order(blocks), List.of()));
        } else {
            compile(blocks);
        }
    }

    private void compile(List<Block> blocks) {
        long start = System.nanoTime();
        List<Block> some = blocks;
        Region code = null;
        Plan plan = null;
        while (code == null && !some.isEmpty()) {
            plan = plan(some);
            code = RegionCompiler.compile(plan, first);
            if (code == null) {
                statistics.tooLarge++;
                some = some.subList(0, some.size() / 2);
            }
        }
        if (code != null) {
            statistics.regions++;
            statistics.instructions += plan.instructions();
            statistics.nanoseconds += System.nanoTime() - start;
            if (twoLevels) {
                code.proof = PROOF / 8;
                if (statistics.regions > MOST_REQUESTS || !HotSpot.compileQuickly(code)) {
                    call(code, CALLS_TO_QUICK);
                }
            }
            finished.add(new CompiledRegion(code, order(some), blocks.subList(some.size(), blocks.size())));
        }
    }

    private void compileAgain(List<CompiledRegion> quick) {
        improvements.decrementAndGet();
        List<CompiledRegion> some = fitting(quick);
        Effort effort = some.stream().anyMatch(RegionFactory::isSlow) ? Effort.PATIENT : Effort.FULL;
        Region code = null;
        while (code == null && isBetter(some, effort)) {
            code = RegionCompiler.compile(plan(blocks(some)), effort);
            if (code == null) {
                some.removeLast();
            }
        }
        if (code == null) {
            quick.forEach(one -> one.improving = false);
            return;
        }
        quick.stream().filter(one -> !some.contains(one)).forEach(one -> one.improving = false);
        code.proof = PROOF;
        statistics.improved++;
        call(code, CALLS_TO_PROFILE);
        try {
            Thread.sleep(PAUSE_MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        finished.add(new CompiledRegion(some, code, order(blocks(some))));
    }

    /** The first region, and of the others those that are still there and with which it has a sensible size. */
    private static List<CompiledRegion> fitting(List<CompiledRegion> regions) {
        List<CompiledRegion> some = new ArrayList<>();
        for (CompiledRegion r : regions) {
            some.add(r);
            if (!r.isInstalled() || some.size() > 1 && plan(blocks(some)).instructions() > MOST_TOGETHER) {
                some.removeLast();
            }
        }
        return some.contains(regions.getFirst()) ? some : new ArrayList<>();
    }

    /** What is made of them is not what the first one is already. */
    private static boolean isBetter(List<CompiledRegion> regions, Effort effort) {
        return regions.size() > 1 || regions.size() == 1 && regions.getFirst().code.effort != effort;
    }

    private static List<Block> blocks(List<CompiledRegion> regions) {
        List<Block> all = new ArrayList<>();
        regions.forEach(r -> all.addAll(List.of(r.blocks)));
        return all;
    }

    /** So that the Java machine compiles the region before the guest comes to it. */
    private static void call(Region code, int times) {
        for (int n = 0; n < times; n++) {
            code.run(null, Region.NOWHERE);
        }
    }

    // ---- what belongs together ----

    /** Blocks reachable by jumps within the page, the hot one first. */
    private static List<Block> collect(Block head) {
        List<Block> found = new ArrayList<>();
        Deque<Integer> todo = new ArrayDeque<>();
        todo.add(head.offset);
        int instructions = 0;
        while (!todo.isEmpty() && instructions < MOST_INSTRUCTIONS) {
            int offset = todo.poll();
            Block b = offset < 0 || offset >= 4096 ? null : head.page.at(offset);
            if (b == null || b.claimed || b.crosses()) {
                continue;
            }
            int n = compilable(b);
            if (n == 0) {
                continue;
            }
            found.add(b);
            b.claimed = true;
            instructions += n;
            Op last = b.ops[n - 1];
            Instruction i = last.instruction;
            boolean relative = !i.opcode.operands.isEmpty() && i.opcode.operands.get(0).charAt(0) == 'J';
            boolean branch = i.opcode.is(Opcode.BRANCH);
            if (n == b.ops.length && !UNCONDITIONAL.contains(i.opcode.mnemonic)) {
                todo.add(b.offset + last.end);
            }
            if (branch && relative && !i.opcode.mnemonic.equals("CALL")) {
                long target = b.offset + last.end + i.immediate;
                todo.add(Math.clamp(target, -1, 4096));
            }
        }
        return found;
    }

    /** Operations at a block's start that a region can hold. */
    private static int compilable(Block b) {
        int most = b.endsAtBoundary ? b.length - 1 : b.length;
        int n = 0;
        while (n < most && isCompilable(b.ops[n].instruction)) {
            n++;
        }
        return n == 1 && b.endsAtBoundary ? 0 : n;
    }

    private static boolean isCompilable(Instruction i) {
        Opcode o = i.opcode;
        if (o.is(Opcode.SERIALIZING)) {
            return SYSTEM.contains(o.mnemonic);
        }
        return !o.is(Opcode.BRANCH) || BRANCHES.contains(o.mnemonic) || o.mnemonic.startsWith("J") && !o.operands.isEmpty()
                && o.operands.get(0).charAt(0) == 'J';
    }

    private static Block[] order(List<Block> blocks) {
        TreeMap<Integer, Block> byOffset = new TreeMap<>();
        blocks.forEach(b -> byOffset.put(b.offset, b));
        return byOffset.values().toArray(new Block[0]);
    }

    /** Where one block begins within another, the other one ends there. */
    private static Plan plan(List<Block> blocks) {
        Block[] ordered = order(blocks);
        TreeMap<Integer, Block> heads = new TreeMap<>();
        for (Block b : ordered) {
            heads.put(b.offset, b);
        }
        List<Plan.Part> parts = new ArrayList<>();
        for (int k = 0; k < ordered.length; k++) {
            Block b = ordered[k];
            int n = compilable(b);
            List<Op> ops = new ArrayList<>(n);
            for (int j = 0; j < n && (j == 0 || !heads.containsKey(b.offset + b.ops[j].start)); j++) {
                ops.add(b.ops[j].at(b.offset + b.ops[j].start));
            }
            parts.add(new Plan.Part(b.offset, ops));
        }
        return new Plan(parts);
    }
}
