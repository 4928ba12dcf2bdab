package dev.javisor.processor.fpu;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Cr;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.core.Memory;
import dev.javisor.processor.core.Op;
import dev.javisor.processor.core.X87State;

/** Control instructions: control and status word, environment, whole state, stack management. */
final class X87Control {
    private X87Control() {}

    static void fninit(Cpu c, Op o) {
        X87.available(c);
        initialize(c.x87);
    }

    /** The state that FNINIT leaves; register contents stay. */
    static void initialize(X87State f) {
        f.control = 0x37F;
        f.status = 0;
        f.valid = 0;
        f.lastOpcode = 0;
        f.lastInstruction = 0;
        f.lastInstructionSelector = 0;
        f.lastData = 0;
        f.lastDataSelector = 0;
    }

    static void fnclex(Cpu c, Op o) {
        X87.available(c);
        c.x87.status &= ~(0x7F | X87.ES | X87.BUSY);
    }

    static void fldcw(Cpu c, Op o) {
        X87.begin(c);
        setControl(c.x87, Memory.load16(c, Memory.readAddress(c, o, 2), o.segment));
    }

    private static void setControl(X87State f, int value) {
        f.control = value & 0x1F7F & ~0x40 | 0x40;
        summarize(f);
    }

    /** ES and B follow from the exceptions that are unmasked. */
    private static void summarize(X87State f) {
        if ((f.status & ~f.control & 0x3F) != 0) {
            f.status |= X87.ES | X87.BUSY;
        } else {
            f.status &= ~(X87.ES | X87.BUSY);
        }
    }

    static void fnstcw(Cpu c, Op o) {
        X87.available(c);
        Memory.store16(c, Memory.writeAddress(c, o, 2), o.segment, c.x87.control);
    }

    static void fnstswMemory(Cpu c, Op o) {
        X87.available(c);
        Memory.store16(c, Memory.writeAddress(c, o, 2), o.segment, c.x87.status);
    }

    static void fnstswAx(Cpu c, Op o) {
        X87.available(c);
        c.gpr[0] = c.gpr[0] & ~0xFFFFL | c.x87.status;
    }

    static void fwait(Cpu c, Op o) {
        if ((c.cr0 & (Cr.MP | Cr.TS)) == (Cr.MP | Cr.TS)) {
            throw c.fault(Event.NM);
        }
        if ((c.x87.status & X87.ES) != 0) {
            X87.report(c);
        }
    }

    /** FNENI, FNDISI, FNSETPM: left over from the 8087 and 80287. */
    static void nothing(Cpu c, Op o) {
        X87.available(c);
    }

    static void fnop(Cpu c, Op o) {
        X87.begin(c);
        X87.recordKeepingC1(c, o);
    }

    static void fincstp(Cpu c, Op o) {
        X87.begin(c);
        X87.record(c, o);
        X87.setTop(c.x87, X87.top(c.x87) + 1);
    }

    static void fdecstp(Cpu c, Op o) {
        X87.begin(c);
        X87.record(c, o);
        X87.setTop(c.x87, X87.top(c.x87) - 1);
    }

    static void ffree(Cpu c, Op o) {
        X87.begin(c);
        X87.record(c, o);
        X87.free(c.x87, o.instruction.rm & 7);
    }

    static void ffreep(Cpu c, Op o) {
        X87.begin(c);
        X87.record(c, o);
        X87.free(c.x87, o.instruction.rm & 7);
        X87.pop(c.x87);
    }

    // ---- environment ----

    /** Two bits for each physical register: 0 valid, 1 zero, 2 special, 3 empty. */
    private static int tagWord(X87State f) {
        int tags = 0;
        for (int p = 7; p >= 0; p--) {
            int tag = 3;
            if ((f.valid >> p & 1) != 0) {
                int exponent = f.signExponent[p] & 0x7FFF;
                long s = f.significand[p];
                tag = exponent == 0 && s == 0 ? 1 : exponent == 0 || exponent == 0x7FFF || s >= 0 ? 2 : 0;
            }
            tags = tags << 2 | tag;
        }
        return tags;
    }

    private static void setTagWord(X87State f, int tags) {
        f.valid = 0;
        for (int p = 0; p < 8; p++) {
            if ((tags >> 2 * p & 3) != 3) {
                f.valid |= 1 << p;
            }
        }
    }

    private static boolean realFormat(Cpu c) {
        return !c.protectedMode() || c.v86();
    }

    private static int environmentSize(Op o) {
        return o.instruction.operandSize == 16 ? 14 : 28;
    }

    private static void storeEnvironment(Cpu c, Op o, long la) {
        X87State f = c.x87;
        int s = o.segment;
        if (o.instruction.operandSize == 16) {
            store16(c, la, s, f.control);
            store16(c, la + 2, s, f.status);
            store16(c, la + 4, s, tagWord(f));
            if (realFormat(c)) {
                long ip = (long) f.lastInstructionSelector << 4;
                long linearIp = ip + f.lastInstruction;
                long linearData = ((long) f.lastDataSelector << 4) + f.lastData;
                store16(c, la + 6, s, (int) linearIp);
                store16(c, la + 8, s, (int) (linearIp >>> 4 & 0xF000) | f.lastOpcode);
                store16(c, la + 10, s, (int) linearData);
                store16(c, la + 12, s, (int) (linearData >>> 4 & 0xF000));
            } else {
                store16(c, la + 6, s, (int) f.lastInstruction);
                store16(c, la + 8, s, f.lastInstructionSelector);
                store16(c, la + 10, s, (int) f.lastData);
                store16(c, la + 12, s, f.lastDataSelector);
            }
            return;
        }
        store32(c, la, s, 0xFFFF0000 | f.control);
        store32(c, la + 4, s, 0xFFFF0000 | f.status);
        store32(c, la + 8, s, 0xFFFF0000 | tagWord(f));
        if (realFormat(c)) {
            long linearIp = ((long) f.lastInstructionSelector << 4) + f.lastInstruction;
            long linearData = ((long) f.lastDataSelector << 4) + f.lastData;
            store32(c, la + 12, s, 0xFFFF0000 | (int) linearIp & 0xFFFF);
            store32(c, la + 16, s, (int) (linearIp >>> 16 & 0xFFFF) << 12 | f.lastOpcode);
            store32(c, la + 20, s, 0xFFFF0000 | (int) linearData & 0xFFFF);
            store32(c, la + 24, s, (int) (linearData >>> 16 & 0xFFFF) << 12);
        } else {
            store32(c, la + 12, s, (int) f.lastInstruction);
            store32(c, la + 16, s, f.lastOpcode << 16 | f.lastInstructionSelector);
            store32(c, la + 20, s, (int) f.lastData);
            store32(c, la + 24, s, 0xFFFF0000 | f.lastDataSelector);
        }
    }

    private static void store16(Cpu c, long la, int segment, int value) {
        Memory.store16(c, la & c.linearWrap, segment, value);
    }

    private static void store32(Cpu c, long la, int segment, int value) {
        Memory.store32(c, la & c.linearWrap, segment, value);
    }

    /** Reads an environment as seven words (control, status, tags, IP, CS and opcode, data, DS), before anything changes. */
    private static long[] loadEnvironment(Cpu c, Op o, long la) {
        long[] words = new long[7];
        int bytes = o.instruction.operandSize == 16 ? 2 : 4;
        for (int i = 0; i < 7; i++) {
            words[i] = Memory.load(c, la + (long) i * bytes & c.linearWrap, bytes, o.segment);
        }
        return words;
    }

    private static void setEnvironment(Cpu c, Op o, long[] w) {
        X87State f = c.x87;
        boolean narrow = o.instruction.operandSize == 16;
        f.status = (int) w[1] & 0xFFFF;
        setTagWord(f, (int) w[2] & 0xFFFF);
        setControl(f, (int) w[0] & 0xFFFF);
        if (realFormat(c)) {
            long ipHigh = narrow ? w[4] >>> 12 & 0xF : w[4] >>> 12 & 0xFFFF;
            long dataHigh = narrow ? w[6] >>> 12 & 0xF : w[6] >>> 12 & 0xFFFF;
            f.lastInstruction = w[3] & 0xFFFF | ipHigh << 16;
            f.lastInstructionSelector = 0;
            f.lastOpcode = (int) w[4] & 0x7FF;
            f.lastData = w[5] & 0xFFFF | dataHigh << 16;
            f.lastDataSelector = 0;
        } else {
            f.lastInstruction = w[3];
            f.lastInstructionSelector = (int) w[4] & 0xFFFF;
            f.lastOpcode = narrow ? 0 : (int) (w[4] >>> 16) & 0x7FF;
            f.lastData = w[5];
            f.lastDataSelector = (int) w[6] & 0xFFFF;
        }
    }

    static void fnstenv(Cpu c, Op o) {
        X87.available(c);
        int size = environmentSize(o);
        long la = Memory.writeAddress(c, o, size);
        Memory.probe(c, la, size, o.segment, true);
        storeEnvironment(c, o, la);
        c.x87.control |= 0x3F;
        summarize(c.x87);
    }

    static void fldenv(Cpu c, Op o) {
        X87.begin(c);
        setEnvironment(c, o, loadEnvironment(c, o, Memory.readAddress(c, o, environmentSize(o))));
    }

    static void fnsave(Cpu c, Op o) {
        X87.available(c);
        X87State f = c.x87;
        int environment = environmentSize(o);
        long la = Memory.writeAddress(c, o, environment + 80);
        Memory.probe(c, la, environment + 80, o.segment, true);
        storeEnvironment(c, o, la);
        for (int i = 0; i < 8; i++) {
            int p = X87.physical(f, i);
            long at = la + environment + 10L * i;
            Memory.store64(c, at & c.linearWrap, o.segment, f.significand[p]);
            store16(c, at + 8, o.segment, f.signExponent[p]);
        }
        initialize(f);
    }

    static void frstor(Cpu c, Op o) {
        X87.begin(c);
        X87State f = c.x87;
        int environment = environmentSize(o);
        long la = Memory.readAddress(c, o, environment + 80);
        long[] words = loadEnvironment(c, o, la);
        long[] significand = new long[8];
        int[] signExponent = new int[8];
        for (int i = 0; i < 8; i++) {
            long at = la + environment + 10L * i;
            significand[i] = Memory.load64(c, at & c.linearWrap, o.segment);
            signExponent[i] = Memory.load16(c, at + 8 & c.linearWrap, o.segment);
        }
        setEnvironment(c, o, words);
        for (int i = 0; i < 8; i++) {
            int p = X87.physical(f, i);
            f.significand[p] = significand[i];
            f.signExponent[p] = signExponent[i];
        }
    }
}
