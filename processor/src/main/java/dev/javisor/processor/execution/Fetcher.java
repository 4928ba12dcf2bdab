package dev.javisor.processor.execution;

import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Instruction;
import dev.javisor.isa.Opcode;
import dev.javisor.processor.compiler.Region;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Translation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Instruction fetch of one processor: from RIP to a decoded {@link Block}. */
public final class Fetcher {
    private static final int SIZE = 1024;
    private static final int LONGEST_BLOCK = 64;
    /** Bytes that are read at a time. */
    private static final int READ_AHEAD = 64;
    private static final Op[] NO_OPS = {};
    /** A decoding without instruction: what fetching it raises. */
    private static final Handler INVALID_OPCODE = (c, o) -> {
        throw c.ud();
    };

    private static final Handler TOO_LONG = (c, o) -> {
        throw c.gp0();
    };

    private final Cpu cpu;
    private final CodeCache cache;
    private final Decoder decoder;
    private final Decoder.Result result = new Decoder.Result();
    private final byte[] bytes = new byte[4096 + Decoder.MAX_LENGTH];
    /** Linear page and decoding mode of recently fetched pages, valid for one generation of the TLB. */
    private final long[] tags = new long[SIZE];

    private final CodePage[] pages = new CodePage[SIZE];
    /** Places of {@link #tags} that were filled in this generation. */
    private final int[] filled = new int[SIZE];

    private int fills;
    /** Pages of this generation whose places others have taken. */
    private final Map<Long, CodePage> evicted = new HashMap<>();
    private long generation = -1;
    private final List<Op> ops = new ArrayList<>();
    /** {@link #bytes} hold the page being decoded up to here. */
    private int read;

    public Fetcher(Cpu cpu, CodeCache cache, Decoder decoder) {
        this.cpu = cpu;
        this.cache = cache;
        this.decoder = decoder;
        Arrays.fill(tags, -1);
        cache.attach(cpu);
    }

    /**
     * The block at RIP. The number of its operations that may run is bounded by the caller's budget only.
     *
     * @throws GuestFault #PF of the fetch, #GP(0) beyond the code segment limit or canonical addresses
     */
    Block fetch() {
        Cpu c = cpu;
        long la = c.rip;
        if (!c.codeSize64) {
            c.rip = la &= 0xFFFFFFFFL;
            la = la + c.segBase[Cpu.CS] & 0xFFFFFFFFL;
        }
        if (generation != c.tlb.generation) {
            forgetTags();
        }
        int i = place(la, c.decodeMode);
        Block b;
        if (tags[i] == ((la & ~0xFFFL) | c.decodeMode)) {
            b = pages[i].at((int) la & 0xFFF);
            if (b == null || b.crosses()) {
                b = decode(pages[i], la, b);
            }
        } else {
            b = miss(la, i);
        }
        if (c.checksCodeLimit && c.rip + b.bytes - 1 > c.segLimit[Cpu.CS]) {
            return withinLimit(b);
        }
        return b;
    }

    /** The block at RIP, which {@code last} has led to: most often the same as before. */
    Block next(Block last) {
        Cpu c = cpu;
        long rip = c.rip;
        long key = key(c);
        if (last.jumpRip == rip && last.jumpKey == key && !last.jump.forgotten) {
            return last.jump;
        }
        if (last.straightRip == rip && last.straightKey == key && !last.straight.forgotten) {
            return last.straight;
        }
        return follow(last);
    }

    /** For 64-bit code only, where nothing but the translation of RIP decides which block it is. */
    private Block follow(Block last) {
        Cpu c = cpu;
        boolean jumped = c.rip != c.gpr[Op.BLOCK_RIP] + last.bytes;
        Block b = fetch();
        if (c.codeSize64 && b.page != null && !b.crosses()) {
            long key = key(c);
            if (jumped) {
                last.jump = b;
                last.jumpRip = c.rip;
                last.jumpKey = key;
            } else {
                last.straight = b;
                last.straightRip = c.rip;
                last.straightKey = key;
            }
        }
        return b;
    }

    /** Stands for the translations that fetch uses, the decoding mode and the processor; never -1. */
    private static long key(Cpu c) {
        return c.tlb.generation << 13 | (long) c.index << 7 | c.decodeMode;
    }

    /** Compiled code with an entry point at RIP; null when there is none, or fetching is not this simple. For 64-bit mode. */
    Region fetchRegion() {
        Cpu c = cpu;
        long la = c.rip;
        int i = place(la, c.decodeMode);
        if (tags[i] != ((la & ~0xFFFL) | c.decodeMode) || generation != c.tlb.generation) {
            return null;
        }
        return pages[i].code((int) la & 0xFFF);
    }

    /** Where in {@link #tags} a page belongs: a program and its kernel keep out of each other's way. */
    private static int place(long la, int mode) {
        return (int) (la >>> 12) + (mode & Cpu.USER_MODE) * (SIZE / 2) & SIZE - 1;
    }

    private void forgetTags() {
        while (fills > 0) {
            tags[filled[--fills]] = -1;
        }
        evicted.clear();
        generation = cpu.tlb.generation;
    }

    private Block miss(long la, int i) {
        Cpu c = cpu;
        long tag = la & ~0xFFFL | c.decodeMode;
        if (!evicted.isEmpty() && evicted.get(tag) instanceof CodePage page && !page.cleared) {
            enter(i, tag, page);
            return find(page, la);
        }
        la = c.translation.untag(c, c.fetchContext(), la, Cpu.CS, Translation.FETCH);
        long gpa = c.translation.translate(c, c.fetchContext(), la, Translation.FETCH) & ~0xFFFL & c.memory.a20Mask();
        if (c.memory.hostAddress(gpa) == 0) {
            return decodeFromDevice(la, gpa);
        }
        int mode = c.decodeMode & ~Cpu.USER_MODE;
        CodePage page = pages[i];
        if (page == null || page.gpa != gpa || page.mode != mode || page.cleared) {
            page = cache.page(gpa, mode);
        }
        enter(i, tag, page);
        return find(page, la);
    }

    /** What was there keeps its translation: code is translated once for a generation, whoever remembers where it was. */
    private void enter(int i, long tag, CodePage page) {
        if (tags[i] == -1) {
            filled[fills++] = i;
        } else if (tags[i] != tag) {
            evicted.put(tags[i], pages[i]);
        }
        tags[i] = tag;
        pages[i] = page;
    }

    private Block find(CodePage page, long la) {
        Block b = page.at((int) la & 0xFFF);
        return b == null || b.crosses() ? decode(page, la, b) : b;
    }

    /** A block that reaches beyond the code segment limit: the operations that do not. */
    private Block withinLimit(Block b) {
        long room = cpu.segLimit[Cpu.CS] - cpu.rip + 1;
        int n = 0;
        while (n < b.ops.length && b.ops[n].end <= room) {
            n++;
        }
        if (n == 0) {
            throw cpu.gp0();
        }
        return new Block(Arrays.copyOf(b.ops, n), b.offset, -1);
    }

    private CodeSize codeSize() {
        return cpu.codeSize64 ? CodeSize.BITS64 : cpu.codeBits == 32 ? CodeSize.BITS32 : CodeSize.BITS16;
    }

    /** @param known a block that crosses into the next page, to be confirmed; or null */
    private Block decode(CodePage page, long la, Block known) {
        Cpu c = cpu;
        int offset = (int) la & 0xFFF;
        if (page.cleared) {
            page = cache.page(page.gpa, page.mode);
            pages[place(la, c.decodeMode)] = page;
        }
        if (known != null && secondPage(la) == known.secondPage) {
            return known;
        }
        Block former = cache.takeFormer(page, offset);
        ops.clear();
        read = offset;
        int at = offset;
        boolean ended = false, atBoundary = false;
        while (!ended && ops.size() < LONGEST_BLOCK && at < 4096) {
            read(page, at);
            Op old = former == null ? null : former.at(at - offset);
            Op o = old != null && isSame(old, former, at) ? old : null;
            if (o == null) {
                Decoder.Outcome outcome = decoder.decode(bytes, at, 4096, codeSize(), result);
                if (outcome == Decoder.Outcome.TRUNCATED) {
                    if (ops.isEmpty()) {
                        return decodeCrossing(page, la);
                    }
                    break;
                }
                o = outcome == Decoder.Outcome.OK && old != null && isLike(old, result.instruction) ? old.with(result.instruction)
                        : bind(outcome, at - offset);
            }
            ops.add(o);
            atBoundary = page.isBoundary(at);
            at += o.length();
            ended = atBoundary || endsBlock(o.instruction) || o.executor.isExtended();
        }
        Block b = new Block(ops.toArray(NO_OPS), offset, -1);
        b.endsAtBoundary = atBoundary;
        cache.put(page, b);
        return b;
    }

    /** Reads as many bytes of a page as an instruction there may have; {@link #read} is behind them. */
    private void read(CodePage page, int at) {
        int needed = Math.min(4096, at + 2 * Decoder.MAX_LENGTH);
        if (read < needed) {
            int n = Math.min(4096 - read, Math.max(needed - read, READ_AHEAD));
            cpu.memory.read(page.gpa + read, bytes, read, n);
            read += n;
        }
    }

    /** The bytes of an operation of a former block are still the same. */
    private boolean isSame(Op old, Block former, int at) {
        return old.instruction.opcode != NONE && at + old.length() <= 4096
                && Arrays.equals(bytes, at, at + old.length(), former.former, old.start, old.end);
    }

    /** Binding does not look at immediate values and displacements, but for those that name a port. */
    private static boolean isLike(Op old, Instruction i) {
        return old.instruction.hasFormOf(i) && !i.opcode.is(Opcode.SERIALIZING) && !old.executor.isExtended();
    }

    /** A block need not end where it does. */
    void join(Block b) {
        cache.join(b);
    }

    /** The instruction at RIP had to be begun again. */
    void begunAgain() {
        Cpu c = cpu;
        long la = c.codeSize64 ? c.rip : c.rip + c.segBase[Cpu.CS] & 0xFFFFFFFFL;
        int i = place(la, c.decodeMode);
        if (generation == c.tlb.generation && tags[i] == (la & ~0xFFFL | c.decodeMode) && !pages[i].cleared) {
            cache.begunAgain(pages[i], (int) la & 0xFFF, c.retiredNow());
        }
    }

    private long secondPage(long la) {
        long next = (la & ~0xFFFL) + 0x1000 & cpu.linearWrap;
        next = cpu.translation.untag(cpu, cpu.fetchContext(), next, Cpu.CS, Translation.FETCH);
        return cpu.translation.translate(cpu, cpu.fetchContext(), next, Translation.FETCH) & ~0xFFFL & cpu.memory.a20Mask();
    }

    private Block decodeCrossing(CodePage page, long la) {
        int offset = (int) la & 0xFFF;
        checkNextPage(offset);
        long second = secondPage(la);
        read(second, 4096, Decoder.MAX_LENGTH - (4096 - offset));
        Decoder.Outcome outcome = decoder.decode(bytes, offset, offset + Decoder.MAX_LENGTH, codeSize(), result);
        Block b = new Block(new Op[] {bind(outcome, 0)}, offset, second);
        if (offset + b.bytes > 4096 && cpu.memory.hostAddress(second) != 0) {
            cache.put(page, b);
        }
        return b;
    }

    /** Code in a device's address range is decoded afresh each time. @param page physical address of the page */
    private Block decodeFromDevice(long la, long page) {
        int offset = (int) la & 0xFFF;
        int have = Math.min(Decoder.MAX_LENGTH, 4096 - offset);
        read(page + offset, offset, have);
        Decoder.Outcome outcome = decoder.decode(bytes, offset, offset + have, codeSize(), result);
        if (outcome == Decoder.Outcome.TRUNCATED) {
            checkNextPage(offset);
            read(secondPage(la), 4096, Decoder.MAX_LENGTH - have);
            outcome = decoder.decode(bytes, offset, offset + Decoder.MAX_LENGTH, codeSize(), result);
        }
        return new Block(new Op[] {bind(outcome, 0)}, offset, -1);
    }

    /** Fetches bytes that lie in one page. @param to where they go to in {@link #bytes} */
    private void read(long gpa, int to, int n) {
        if (cpu.memory.hostAddress(gpa) != 0) {
            cpu.memory.read(gpa, bytes, to, n);
            return;
        }
        for (int i = 0; i < n; i++) {
            bytes[to + i] = (byte) cpu.memory.read(gpa + i, 1);
        }
    }

    /** An instruction needs bytes of the page behind its own. */
    private void checkNextPage(int offset) {
        if (cpu.checksCodeLimit && cpu.rip + 4096 - offset > cpu.segLimit[Cpu.CS]) {
            throw cpu.gp0();
        }
    }

    private Op bind(Decoder.Outcome outcome, int start) {
        Instruction i = result.instruction;
        boolean legacyOnly = outcome == Decoder.Outcome.OK && !cpu.protectedNotV86() && i.has(Instruction.VEX | Instruction.EVEX);
        if (outcome == Decoder.Outcome.OK && !legacyOnly) {
            Handler semantics = Semantics.bind(i);
            boolean locked = cpu.detectsBusLocks && BusLock.canBeAsserted(i);
            return new Op(locked ? new BusLock(semantics, i) : semantics, i, start, cpu.flat);
        }
        Instruction none = new Instruction(
                NONE, Math.clamp(result.length, 1, Decoder.MAX_LENGTH), 0, 0, 64, false, 0, 0, 0, false, 0, Instruction.NO_REGISTER,
                Instruction.NO_REGISTER, 0, 0, Cpu.DS, 0, 0, codeSize());
        return new Op(outcome == Decoder.Outcome.TOO_LONG ? TOO_LONG : INVALID_OPCODE, none, start, true);
    }

    /** What stands for bytes that are no instruction. */
    private static final Opcode NONE = new Opcode(-1, "(bad)", List.of(), "", null, Opcode.BRANCH);

    private static boolean endsBlock(Instruction i) {
        return (i.opcode.attributes & (Opcode.BRANCH | Opcode.SERIALIZING)) != 0
                || i.opcode.is(Opcode.STRING) && i.has(Instruction.REP | Instruction.REPNE);
    }

    /** For the tools: the instruction that a fault or step refers to may be decoded again without side effects. */
    static boolean isFetchFault(Event e) {
        return e.vector() == Event.PF && (e.errorCode() & 16) != 0;
    }
}
