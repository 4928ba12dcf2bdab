package dev.javisor.hypervisor.abi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A state structure of KVM's interface: public fields with KVM's names, and KVM's layout in memory. */
public abstract class Struct {
    /** Bytes of the structure. */
    public abstract int size();

    /** Writes the fields in order; padding is zero. */
    protected abstract void write(ByteBuffer b);

    /** Reads what {@link #write} wrote. */
    protected abstract void read(ByteBuffer b);

    /** The structure as it lies in memory. */
    public byte[] toBytes() {
        ByteBuffer b = ByteBuffer.allocate(size()).order(ByteOrder.LITTLE_ENDIAN);
        write(b);
        return b.array();
    }

    /**
     * Takes all fields from memory.
     *
     * @throws KvmException INVALID_ARGUMENT when there are not {@link #size} bytes
     */
    public void fromBytes(byte[] bytes) {
        if (bytes.length != size()) {
            throw KvmException.invalid("the structure has " + size() + " bytes, not " + bytes.length);
        }
        read(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    }
}
