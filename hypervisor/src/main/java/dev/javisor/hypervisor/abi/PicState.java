package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_pic_state}: the registers of one 8259. */
public final class PicState extends Struct {
    static final int SIZE = 16;

    /** Levels of the inputs. */
    public int lastIrr;

    public int irr, imr, isr;
    /** Input of the highest priority. */
    public int priorityAdd;

    public int irqBase;
    public boolean readRegSelect, poll, specialMask;
    /** 0: initialized; 1 to 3: waits for ICW2, ICW3, ICW4. */
    public int initState;

    public boolean autoEoi, rotateOnAutoEoi, specialFullyNestedMode;
    /** ICW4 will come. */
    public boolean init4;

    public int elcr, elcrMask;

    @Override
    public int size() {
        return SIZE;
    }

    @Override
    protected void write(ByteBuffer b) {
        int[] fields = {
            lastIrr, irr, imr, isr, priorityAdd, irqBase, flag(readRegSelect), flag(poll), flag(specialMask), initState, flag(autoEoi),
            flag(rotateOnAutoEoi), flag(specialFullyNestedMode), flag(init4), elcr, elcrMask
        };
        for (int f : fields) {
            b.put((byte) f);
        }
    }

    private static int flag(boolean v) {
        return v ? 1 : 0;
    }

    @Override
    protected void read(ByteBuffer b) {
        lastIrr = b.get() & 0xFF;
        irr = b.get() & 0xFF;
        imr = b.get() & 0xFF;
        isr = b.get() & 0xFF;
        priorityAdd = b.get() & 0xFF;
        irqBase = b.get() & 0xFF;
        readRegSelect = b.get() != 0;
        poll = b.get() != 0;
        specialMask = b.get() != 0;
        initState = b.get() & 0xFF;
        autoEoi = b.get() != 0;
        rotateOnAutoEoi = b.get() != 0;
        specialFullyNestedMode = b.get() != 0;
        init4 = b.get() != 0;
        elcr = b.get() & 0xFF;
        elcrMask = b.get() & 0xFF;
    }
}
