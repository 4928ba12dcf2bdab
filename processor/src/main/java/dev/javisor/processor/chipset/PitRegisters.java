package dev.javisor.processor.chipset;

/**
 * One counter of an 8254, as software and hypervisors describe it.
 *
 * @param mode 0 to 5
 * @param access read/write field of the control word, 1 to 3
 * @param gate level of GATE
 * @param count count register; 0 stands for the largest count
 * @param halfWritten the least significant byte, {@code writtenLow}, was written and waits for the other one
 * @param readHigh the next read gives the most significant byte
 * @param started nanoseconds at which counting began; -1 when the counter does not count
 */
public record PitRegisters(
        int mode,
        boolean bcd,
        int access,
        boolean gate,
        int count,
        boolean halfWritten,
        int writtenLow,
        boolean readHigh,
        boolean countLatched,
        int latchedCount,
        boolean statusLatched,
        int latchedStatus,
        long started) {}
