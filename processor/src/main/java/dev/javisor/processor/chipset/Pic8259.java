package dev.javisor.processor.chipset;

import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/**
 * One 8259A programmable interrupt controller (Intel "8259A" data sheet), with the edge/level control register that PC chip sets put in
 * the place of ICW1's LTIM.
 */
final class Pic8259 implements PortDevice, Stateful {
    private static final int NONE = -1;

    private final boolean master;
    /** Levels that may be level-triggered; the others ignore the edge/level control register. */
    private final int elcrMask;

    private InterruptLine output = InterruptLine.UNCONNECTED;

    private int lines;
    private int irr, isr, imr;
    private int elcr;
    private int vectorBase;
    /** Level with the lowest priority; the next one has the highest. */
    private int lowest = 7;

    /** Initialization command word expected next at the odd address (2 to 4), or 0. */
    private int expectedIcw;
    private boolean single, icw4Needed;
    private boolean autoEoi, rotateOnAutoEoi, specialFullyNested, specialMask;
    private boolean readIsr, poll;
    private boolean asserted;

    Pic8259(boolean master, int elcrMask) {
        this.master = master;
        this.elcrMask = elcrMask;
    }

    void connect(InterruptLine intr) {
        output = intr;
    }

    void reset() {
        irr = isr = imr = elcr = vectorBase = expectedIcw = 0;
        lowest = 7;
        single = icw4Needed = autoEoi = rotateOnAutoEoi = specialFullyNested = specialMask = readIsr = poll = false;
        update();
    }

    /** Drives interrupt request input {@code level}. */
    void setLine(int level, boolean active) {
        int bit = 1 << level;
        if (!active) {
            lines &= ~bit;
            // A request must stay until it is acknowledged; one that goes away before becomes a spurious interrupt.
            irr &= ~bit;
        } else {
            if ((elcr & bit) != 0 || (lines & bit) == 0) {
                irr |= bit;
            }
            lines |= bit;
        }
        update();
    }

    /** Interrupt-acknowledge cycle: the level, or 7 and {@link #spurious} when no request is left. */
    int acknowledge() {
        int level = requestedLevel();
        if (level == NONE) {
            update();
            return 7;
        }
        take(level);
        return level;
    }

    /** No level would be acknowledged now. */
    boolean spurious() {
        return requestedLevel() == NONE;
    }

    int vector(int level) {
        return vectorBase | level;
    }

    private void take(int level) {
        int bit = 1 << level;
        if ((elcr & bit) == 0) {
            irr &= ~bit;
        }
        if (!autoEoi) {
            isr |= bit;
        } else if (rotateOnAutoEoi) {
            lowest = level;
        }
        // INT falls with the acknowledge cycle, so that a further request makes an edge.
        asserted = false;
        output.set(false);
        update();
    }

    private void update() {
        boolean request = requestedLevel() != NONE;
        if (request != asserted) {
            asserted = request;
            output.set(request);
        }
    }

    /** Level whose request is above everything in service, or {@link #NONE}. */
    private int requestedLevel() {
        int request = highest(irr & ~imr);
        if (request == NONE) {
            return NONE;
        }
        int service = specialMask ? isr & ~imr : isr;
        if (master && specialFullyNested && request == PicPair.CASCADE) {
            service &= ~(1 << PicPair.CASCADE);
        }
        int inService = highest(service);
        return inService == NONE || rank(request) < rank(inService) ? request : NONE;
    }

    private int highest(int levels) {
        for (int i = 1; i <= 8; i++) {
            int level = lowest + i & 7;
            if ((levels & 1 << level) != 0) {
                return level;
            }
        }
        return NONE;
    }

    private int rank(int level) {
        return level - lowest - 1 & 7;
    }

    @Override
    public int read(int offset, int size) {
        if (poll) {
            poll = false;
            int level = requestedLevel();
            if (level == NONE) {
                return 0;
            }
            take(level);
            return 0x80 | level;
        }
        if (offset == 1) {
            return imr;
        }
        return readIsr ? isr : irr;
    }

    @Override
    public void write(int offset, int size, int value) {
        if (offset == 1) {
            writeOdd(value);
        } else if ((value & 0x10) != 0) {
            initialize(value);
        } else if ((value & 8) != 0) {
            operationCommandWord3(value);
        } else {
            operationCommandWord2(value);
        }
        update();
    }

    private void initialize(int icw1) {
        // Edge sense starts anew: only an active level-triggered input is a request.
        irr = lines & elcr;
        isr = imr = 0;
        lowest = 7;
        specialMask = readIsr = poll = false;
        autoEoi = rotateOnAutoEoi = specialFullyNested = false;
        single = (icw1 & 2) != 0;
        icw4Needed = (icw1 & 1) != 0;
        expectedIcw = 2;
    }

    private void writeOdd(int value) {
        switch (expectedIcw) {
            case 2 -> {
                vectorBase = value & 0xF8;
                expectedIcw = !single ? 3 : icw4Needed ? 4 : 0;
            }
            case 3 -> expectedIcw = icw4Needed ? 4 : 0;
            case 4 -> {
                autoEoi = (value & 2) != 0;
                specialFullyNested = (value & 0x10) != 0;
                expectedIcw = 0;
            }
            default -> imr = value;
        }
    }

    private void operationCommandWord2(int value) {
        int level = value & 7;
        switch (value >>> 5) {
            case 0 -> rotateOnAutoEoi = false;
            case 1 -> endOfInterrupt(nonSpecific(), false);
            case 3 -> endOfInterrupt(level, false);
            case 4 -> rotateOnAutoEoi = true;
            case 5 -> endOfInterrupt(nonSpecific(), true);
            case 6 -> lowest = level;
            case 7 -> endOfInterrupt(level, true);
            default -> { }
        }
    }

    /** Special mask mode hides masked levels from the non-specific end of interrupt. */
    private int nonSpecific() {
        return highest(specialMask ? isr & ~imr : isr);
    }

    private void endOfInterrupt(int level, boolean rotate) {
        if (level == NONE) {
            return;
        }
        isr &= ~(1 << level);
        if (rotate) {
            lowest = level;
        }
    }

    private void operationCommandWord3(int value) {
        if ((value & 0x40) != 0) {
            specialMask = (value & 0x20) != 0;
        }
        poll = (value & 4) != 0;
        if ((value & 2) != 0) {
            readIsr = (value & 1) != 0;
        }
    }

    PicRegisters registers() {
        return new PicRegisters(
                lines, irr, isr, imr, elcr, elcrMask, vectorBase, lowest, expectedIcw, icw4Needed, autoEoi, rotateOnAutoEoi,
                specialFullyNested, specialMask, readIsr, poll);
    }

    void setRegisters(PicRegisters r) {
        lines = r.lines();
        irr = r.irr();
        isr = r.isr();
        imr = r.imr();
        elcr = r.elcr() & elcrMask;
        vectorBase = r.vectorBase() & 0xF8;
        lowest = r.lowest() & 7;
        expectedIcw = r.expectedIcw();
        icw4Needed = r.icw4Needed();
        autoEoi = r.autoEoi();
        rotateOnAutoEoi = r.rotateOnAutoEoi();
        specialFullyNested = r.specialFullyNested();
        specialMask = r.specialMask();
        readIsr = r.readIsr();
        poll = r.poll();
        update();
    }

    int edgeLevelControl() {
        return elcr;
    }

    void setEdgeLevelControl(int value) {
        elcr = value & elcrMask;
        irr |= lines & elcr;
        update();
    }

    @Override
    public void save(StateOutput out) {
        out.putInts("registers", new int[] {lines, irr, isr, imr, elcr, vectorBase, lowest, expectedIcw});
        out.putInt("flags", flags());
    }

    @Override
    public void load(StateInput in) {
        int[] r = new int[8];
        in.getInts("registers", r);
        lines = r[0];
        irr = r[1];
        isr = r[2];
        imr = r[3];
        elcr = r[4];
        vectorBase = r[5];
        lowest = r[6] & 7;
        expectedIcw = r[7];
        int f = in.getInt("flags");
        single = (f & 1) != 0;
        icw4Needed = (f & 2) != 0;
        autoEoi = (f & 4) != 0;
        rotateOnAutoEoi = (f & 8) != 0;
        specialFullyNested = (f & 16) != 0;
        specialMask = (f & 32) != 0;
        readIsr = (f & 64) != 0;
        poll = (f & 128) != 0;
        asserted = (f & 256) != 0;
    }

    private int flags() {
        return (single ? 1 : 0) | (icw4Needed ? 2 : 0) | (autoEoi ? 4 : 0) | (rotateOnAutoEoi ? 8 : 0) | (specialFullyNested ? 16 : 0)
                | (specialMask ? 32 : 0) | (readIsr ? 64 : 0) | (poll ? 128 : 0) | (asserted ? 256 : 0);
    }
}
