package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;

/** {@code struct kvm_sregs}: segment, descriptor-table and control registers, and the interrupt that waits to be injected. */
public final class Sregs extends Struct {
    private static final int BITMAP = 4;

    public final Segment cs = new Segment(), ds = new Segment(), es = new Segment(), fs = new Segment(), gs = new Segment(),
            ss = new Segment();
    public final Segment tr = new Segment(), ldt = new Segment();
    public final Dtable gdt = new Dtable(), idt = new Dtable();
    public long cr0, cr2, cr3, cr4, cr8, efer, apicBase;
    /** One bit for each vector. */
    public final long[] interruptBitmap = new long[BITMAP];

    private Segment[] segments() {
        return new Segment[] {cs, ds, es, fs, gs, ss, tr, ldt};
    }

    @Override
    public int size() {
        return 8 * Segment.SIZE + 2 * Dtable.SIZE + 8 * (7 + BITMAP);
    }

    @Override
    protected void write(ByteBuffer b) {
        for (Segment s : segments()) {
            s.write(b);
        }
        gdt.write(b);
        idt.write(b);
        b.putLong(cr0).putLong(cr2).putLong(cr3).putLong(cr4).putLong(cr8).putLong(efer).putLong(apicBase);
        for (long v : interruptBitmap) {
            b.putLong(v);
        }
    }

    @Override
    protected void read(ByteBuffer b) {
        for (Segment s : segments()) {
            s.read(b);
        }
        gdt.read(b);
        idt.read(b);
        cr0 = b.getLong();
        cr2 = b.getLong();
        cr3 = b.getLong();
        cr4 = b.getLong();
        cr8 = b.getLong();
        efer = b.getLong();
        apicBase = b.getLong();
        for (int i = 0; i < BITMAP; i++) {
            interruptBitmap[i] = b.getLong();
        }
    }
}
