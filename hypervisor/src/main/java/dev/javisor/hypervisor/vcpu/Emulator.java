package dev.javisor.hypervisor.vcpu;

import dev.javisor.hypervisor.memory.MissingPage;
import dev.javisor.isa.CodeSize;
import dev.javisor.isa.Decoder;
import dev.javisor.isa.Instruction;
import dev.javisor.isa.Opcode;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Flags;
import dev.javisor.processor.core.GuestFault;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.Tlb;
import dev.javisor.processor.core.Translation;
import dev.javisor.processor.event.Boundary;
import dev.javisor.processor.event.EventDelivery;
import dev.javisor.processor.execution.Semantics;
import dev.javisor.processor.integer.StringOperation;
import dev.javisor.processor.memory.Region;
import java.util.Arrays;

/**
 * Carries out one instruction of the guest in software: decodes it, and calls the same semantics that the processor has, on the state in a
 * {@link GuestState} and on guest-physical memory in which devices are not memory.
 */
final class Emulator {
    /** How far an instruction has come. */
    enum Outcome {
        COMPLETED,
        /** An element of a repeated string instruction has been handled, and its tick is not over. */
        PARTLY,
        /** It raised {@link #fault}; nothing has changed. */
        FAULTED,
        /** It waits for an answer of userspace; nothing has changed. */
        WAITS
    }

    private static final int PLAIN_PARTS = GuestState.REGISTERS | GuestState.EVENTS;
    /** What every instruction looks at. */
    private static final int NEEDED_PARTS = PLAIN_PARTS | GuestState.SYSTEM | GuestState.KEYS;

    /** Most decoded instructions that are kept; a power of two. */
    private static final int KEPT = 64;

    /**
     * An instruction that has been decoded.
     *
     * @param mode the {@link #mode} that its bytes were decoded in
     * @param running the instruction alone
     * @param plain it changes general registers and memory only, and looks at no more than {@link #NEEDED_PARTS}
     */
    private record Decoded(byte[] bytes, int mode, Op[] running, boolean plain) {
        boolean is(byte[] code, int available, int inMode) {
            int n = bytes.length;
            return mode == inMode && available >= n && Arrays.equals(bytes, 0, n, code, 0, n);
        }

        Instruction instruction() {
            return running[0].instruction;
        }
    }

    private final GuestState state;
    private final Cpu cpu;
    private final UserAccess user;
    private final DeviceBus bus;
    private Decoder decoder;
    private final Decoder.Result result = new Decoder.Result();
    private final byte[] bytes = new byte[Decoder.MAX_LENGTH];
    /** By RIP. */
    private final Decoded[] kept = new Decoded[KEPT];
    private Event fault;
    private int changed;
    /** A translation of the instruction that comes next, of which the hardware has told; for data. */
    private boolean translated;

    private boolean translatedForWrite;
    private long translatedLinear, translatedPhysical;

    Emulator(GuestState state, UserAccess user, DeviceBus bus) {
        this.state = state;
        this.cpu = state.cpu;
        this.user = user;
        this.bus = bus;
        this.decoder = new Decoder(cpu.model.features());
    }

    /** The features of the guest's model have changed. */
    void modelChanged() {
        decoder = new Decoder(cpu.model.features());
        Arrays.fill(kept, null);
    }

    /** The parts of {@link GuestState} that the last instruction may have changed. */
    int changed() {
        return changed;
    }

    private static boolean isPlain(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "CPUID", "INSB", "INSW", "OUTSB", "OUTSW" -> true;
            case "MOV", "MOVZX", "MOVSX", "ADD", "OR", "ADC", "SBB", "AND", "SUB", "XOR", "CMP", "TEST", "XCHG", "INC", "DEC", "BT", "BTS",
                    "BTR", "BTC", "MOVSB", "MOVSW", "STOSB", "STOSW", "LODSB", "LODSW" -> !i.opcode.is(Opcode.SERIALIZING);
            default -> false;
        };
    }

    /** What the last instruction raised. */
    Event fault() {
        return fault;
    }

    /** The hardware has found the guest's paging to allow an access of the instruction at RIP: that need not be found out again. */
    void translated(long linear, long gpa, boolean write) {
        translated = true;
        translatedForWrite = write;
        translatedLinear = linear;
        translatedPhysical = gpa;
    }

    /** Plain instructions access data as what they are, at their privilege level; so their translation holds for them. */
    private void enterTranslation(Decoded d) {
        if (translated && d.plain && cpu.context != Tlb.NONE) {
            long page = translatedLinear & ~0xFFFL | Tlb.SLOW;
            cpu.tlb.fill(cpu.context, translatedLinear, page, translatedForWrite ? page : Tlb.EMPTY, 0, translatedPhysical, 0);
        }
        translated = false;
    }

    /** Carries out the instruction at RIP. */
    Outcome step() {
        Cpu c = state.load(NEEDED_PARTS);
        changed = PLAIN_PARTS;
        begin();
        int handled = c.stringElements;
        int latency = c.latency;
        // One element at a time: a load that waits takes nothing back that has been done.
        c.stringElements = StringOperation.BATCH;
        boolean trace = (Flags.rflags(c) & Flags.TF) != 0;
        long rip = c.rip;
        try {
            Decoded d = fetch();
            if (!d.plain) {
                state.load(GuestState.ALL);
                changed = GuestState.ALL;
            }
            enterTranslation(d);
            Op o = d.running[0];
            c.running = d.running;
            c.gpr[Op.BLOCK_RIP] = rip;
            c.rip = rip + o.end;
            c.blockLength = 1;
            o.executor.execute(c, o);
            c.blockLength = 0;
            if (!c.codeSize64) {
                c.rip &= 0xFFFF_FFFFL;
            }
            Boundary.afterStep(c, trace, true);
            user.end();
            boolean repeated = StringOperation.isRepeated(d.instruction());
            boolean goesOn = repeated && c.rip == rip && handled + 1 < StringOperation.most(c);
            c.stringElements = goesOn ? handled + 1 : 0;
            c.latency += repeated && !goesOn ? StringOperation.latency(d.instruction(), handled + 1) : 0;
            return goesOn ? Outcome.PARTLY : Outcome.COMPLETED;
        } catch (GuestFault f) {
            translated = false;
            fault = f.event;
            c.stringElements = 0;
            c.latency = 0;
            user.end();
            return undo(rip, Outcome.FAULTED);
        } catch (UserAccess.Needed n) {
            c.stringElements = handled;
            c.latency = latency;
            return undo(rip, Outcome.WAITS);
        } catch (MissingPage m) {
            c.stringElements = handled;
            c.latency = latency;
            undo(rip, Outcome.WAITS);
            throw m;
        } finally {
            bus.select(null);
        }
    }

    /**
     * Delivers an event through the guest's IDT; its payload has been applied.
     *
     * @return false when another event was delivered in its place
     * @throws UserAccess.Needed when the guest's tables are where no memory is
     * @throws MissingPage when they are not there yet; the delivery can begin anew
     */
    boolean deliver(Event e) {
        begin();
        boolean finished = false;
        try {
            boolean delivered = EventDelivery.inject(cpu, e);
            finished = true;
            return delivered;
        } finally {
            user.end();
            bus.select(null);
            if (!finished) {
                cpu.injecting = false;
                cpu.delivering = null;
            }
        }
    }

    /** Whether these bytes are at RIP, where data accesses of the guest can read them. */
    boolean finds(byte[] expected) {
        begin();
        // Nobody is asked where there is no memory.
        bus.select(null);
        try {
            for (int i = 0; i < expected.length; i++) {
                if (cpu.memory.read(translateCode(i, Translation.READ), 1) != (expected[i] & 0xFF)) {
                    return false;
                }
            }
            return true;
        } catch (GuestFault f) {
            return false;
        } finally {
            user.end();
        }
    }

    /** Stores bytes at RIP, as an instruction of the guest would. */
    Outcome replace(byte[] code) {
        begin();
        bus.select(null);
        try {
            long[] at = new long[code.length];
            for (int i = 0; i < code.length; i++) {
                at[i] = translateCode(i, Translation.WRITE);
            }
            for (int i = 0; i < code.length; i++) {
                cpu.memory.write(at[i], 1, code[i]);
            }
            return Outcome.COMPLETED;
        } catch (GuestFault f) {
            fault = f.event;
            return Outcome.FAULTED;
        } finally {
            user.end();
        }
    }

    /** The guest-physical address of a byte behind RIP, for a data access. @throws GuestFault of such an access */
    private long translateCode(int offset, int access) {
        Cpu c = cpu;
        long la = c.translation.untag(c, c.context, linear(offset), Cpu.CS, access);
        return c.translation.translate(c, c.context, la, access);
    }

    private Outcome undo(long rip, Outcome outcome) {
        cpu.rip = rip;
        cpu.blockLength = 0;
        cpu.delivering = null;
        return outcome;
    }

    /** The processor's clock shows the time of the exit, and its translations are those of the guest's page tables as they are now. */
    private void begin() {
        Cpu c = cpu;
        user.begin();
        bus.select(user);
        synchronize(c);
        // The instruction's tick.
        c.budget = -1;
        c.flushTlb();
        c.shadowBegun = false;
        c.resumeFlagLoaded = false;
        c.singleStepDecided = false;
        c.position = 0;
        c.site = -1;
        c.updateBreakpoints();
    }

    /** Sets the clock of a processor that does not run by itself. */
    static void synchronize(Cpu c) {
        c.blockLength = 0;
        c.position = 0;
        c.budget = 0;
        c.sliceEnd = c.timeline.now();
    }

    private CodeSize codeSize() {
        return cpu.codeSize64 ? CodeSize.BITS64 : cpu.codeBits == 32 ? CodeSize.BITS32 : CodeSize.BITS16;
    }

    /** @throws GuestFault of the fetch, or #UD */
    private Decoded fetch() {
        Cpu c = cpu;
        int have = read(0, Decoder.MAX_LENGTH);
        int place = (int) (c.rip ^ c.rip >>> 6) & KEPT - 1;
        Decoded d = kept[place];
        if (d == null || !d.is(bytes, have, mode())) {
            d = decode(have);
            kept[place] = d;
        }
        Instruction i = d.instruction();
        if (!c.protectedNotV86() && i.has(Instruction.VEX | Instruction.EVEX)) {
            throw c.ud();
        }
        if (c.checksCodeLimit && c.rip + i.length - 1 > c.segLimit[Cpu.CS]) {
            throw c.gp0();
        }
        return d;
    }

    /** What an instruction's operation depends on beside its bytes. */
    private int mode() {
        return codeSize().ordinal() << 1 | (cpu.flat ? 1 : 0);
    }

    /** @param have bytes that have been read */
    private Decoded decode(int have) {
        Cpu c = cpu;
        Decoder.Outcome outcome = decoder.decode(bytes, 0, have, codeSize(), result);
        if (outcome == Decoder.Outcome.TRUNCATED) {
            if (c.checksCodeLimit && c.rip + have > c.segLimit[Cpu.CS]) {
                throw c.gp0();
            }
            have += read(have, Decoder.MAX_LENGTH - have);
            outcome = decoder.decode(bytes, 0, have, codeSize(), result);
        }
        if (outcome == Decoder.Outcome.TOO_LONG) {
            throw c.gp0();
        }
        if (outcome != Decoder.Outcome.OK) {
            throw c.ud();
        }
        Instruction i = result.instruction;
        Op[] running = {new Op(Semantics.bind(i), i, 0, c.flat)};
        return new Decoded(Arrays.copyOf(bytes, i.length), mode(), running, isPlain(i));
    }

    /** The linear address of a byte behind RIP. */
    private long linear(int offset) {
        long la = cpu.rip + offset;
        return cpu.codeSize64 ? la : (la & 0xFFFF_FFFFL) + cpu.segBase[Cpu.CS] & 0xFFFF_FFFFL;
    }

    /** Reads code bytes from {@code offset} behind RIP on, up to the end of their page; returns how many. */
    private int read(int offset, int most) {
        Cpu c = cpu;
        long la = linear(offset);
        la = c.translation.untag(c, c.fetchContext(), la, Cpu.CS, Translation.FETCH);
        long gpa = c.translation.translate(c, c.fetchContext(), la, Translation.FETCH);
        int n = (int) Math.min(most, 4096 - (gpa & 4095));
        Region r = c.memory.regionAt(gpa);
        if (r == null || !r.isMemory()) {
            for (int i = 0; i < n; i++) {
                bytes[offset + i] = (byte) c.memory.read(gpa + i, 1);
            }
        } else {
            c.memory.read(gpa, bytes, offset, n);
        }
        return n;
    }
}
