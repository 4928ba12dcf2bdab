package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** {@code struct kvm_sregs2}: as {@link Sregs}, with the page-directory pointers of PAE paging in place of the interrupt that waits. */
public final class Sregs2 extends Struct {
    /** Bit of {@link #flags}: {@link #pdptrs} count. */
    public static final long PDPTRS_VALID = 1;

    private static final int POINTERS = 4;

    /** Everything but the interrupt bitmap. */
    public final Sregs sregs = new Sregs();

    public long flags;
    public final long[] pdptrs = new long[POINTERS];

    @Override
    public int size() {
        return sregs.size() + 8;
    }

    @Override
    protected void write(ByteBuffer b) {
        sregs.write(b);
        b.position(b.position() - 8 * sregs.interruptBitmap.length);
        b.putLong(flags);
        for (long p : pdptrs) {
            b.putLong(p);
        }
    }

    @Override
    protected void read(ByteBuffer b) {
        sregs.read(b);
        b.position(b.position() - 8 * sregs.interruptBitmap.length);
        flags = b.getLong();
        for (int i = 0; i < POINTERS; i++) {
            pdptrs[i] = b.getLong();
        }
        Arrays.fill(sregs.interruptBitmap, 0);
    }
}
