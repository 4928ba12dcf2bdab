package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.PitState;
import dev.javisor.hypervisor.abi.PitState.Channel;
import dev.javisor.processor.chipset.Pit8254;
import dev.javisor.processor.chipset.PitRegisters;

/** Between the interval timer in the kernel and the structure of the interface. */
final class PitAccess {
    private static final int MOST_COUNT = 0x10000, LAST_MODE = 5, BOTH_BYTES = 3;
    /** What KVM says of a channel that nobody has programmed. */
    private static final int NO_MODE = 0xFF;

    private PitAccess() {}

    static PitState get(Pit8254 pit) {
        PitState s = new PitState();
        for (int i = 0; i < s.channels.length; i++) {
            PitRegisters r = pit.registers(i);
            Channel c = s.channels[i];
            c.count = r.count() == 0 ? MOST_COUNT : r.count();
            c.latchedCount = r.latchedCount();
            c.readState = state(r.access(), r.readHigh());
            c.writeState = state(r.access(), r.halfWritten());
            c.countLatched = r.countLatched() ? c.readState : 0;
            c.statusLatched = r.statusLatched();
            c.status = r.latchedStatus();
            c.writeLatch = r.writtenLow();
            c.rwMode = r.access();
            c.mode = r.mode();
            c.bcd = r.bcd();
            c.gate = r.gate();
            c.countLoadTime = r.started();
        }
        s.flags = (pit.isReplaced() ? PitState.HPET_LEGACY : 0) | (pit.isSpeakerOn() ? PitState.SPEAKER_DATA_ON : 0);
        return s;
    }

    private static int state(int access, boolean second) {
        return access != BOTH_BYTES ? access : second ? Channel.WORD_HIGH : Channel.WORD_LOW;
    }

    static void set(Pit8254 pit, PitState s) {
        PitRegisters[] channels = new PitRegisters[s.channels.length];
        for (int i = 0; i < channels.length; i++) {
            channels[i] = registers(s.channels[i]);
        }
        if ((s.flags & ~(PitState.HPET_LEGACY | PitState.SPEAKER_DATA_ON)) != 0) {
            throw KvmException.invalid("unknown flags of the interval timer: " + s.flags);
        }
        pit.setRegisters(channels, (s.flags & PitState.SPEAKER_DATA_ON) != 0, (s.flags & PitState.HPET_LEGACY) != 0);
    }

    private static PitRegisters registers(Channel c) {
        boolean states = c.readState >= 0 && c.readState <= Channel.WORD_HIGH && c.writeState >= 0 && c.writeState <= Channel.WORD_HIGH;
        boolean mode = c.mode >= 0 && (c.mode <= LAST_MODE || c.mode == NO_MODE) && c.rwMode >= 0 && c.rwMode <= Channel.WORD_HIGH;
        boolean latches = c.countLatched >= 0 && c.countLatched <= Channel.WORD_HIGH && c.latchedCount >>> 16 == 0 && c.status >>> 8 == 0;
        if (c.count < 0 || c.count > MOST_COUNT || c.writeLatch >>> 8 != 0 || !states || !mode || !latches) {
            throw KvmException.invalid("an 8254 cannot be in this state");
        }
        int access = c.rwMode == 0 || c.rwMode > BOTH_BYTES ? BOTH_BYTES : c.rwMode;
        boolean both = access == BOTH_BYTES;
        boolean counts = c.countLoadTime >= 0 && c.mode != NO_MODE;
        return new PitRegisters(
                c.mode == NO_MODE ? 0 : c.mode, c.bcd, access, c.gate, c.count & 0xFFFF, both && c.writeState == Channel.WORD_HIGH,
                c.writeLatch, both && (c.countLatched != 0 ? c.countLatched : c.readState) == Channel.WORD_HIGH, c.countLatched != 0,
                c.latchedCount, c.statusLatched, c.status, counts ? c.countLoadTime : -1);
    }
}
