package dev.javisor.machine.pci;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/**
 * One function of a device on a PCI bus: its configuration space as the PCI Local Bus Specification lays it out, with base address
 * registers, a list of capabilities, an interrupt pin, MSI and MSI-X. Functions differ by what they register in their constructors.
 */
public abstract class PciFunction implements Device {
    // Configuration space header
    public static final int VENDOR_ID = 0x00, DEVICE_ID = 0x02, COMMAND = 0x04, STATUS = 0x06, REVISION = 0x08, CLASS = 0x09,
            HEADER_TYPE = 0x0E,
            BAR0 = 0x10, SUBSYSTEM_VENDOR = 0x2C, SUBSYSTEM = 0x2E, CAPABILITIES = 0x34, INTERRUPT_LINE = 0x3C, INTERRUPT_PIN = 0x3D;
    /** Command register bits. */
    public static final int IO_ENABLE = 1, MEMORY_ENABLE = 2, MASTER_ENABLE = 4, INTERRUPT_DISABLE = 1 << 10;

    private static final int COMMAND_WRITABLE = 0x0547, STATUS_INTERRUPT = 1 << 3, STATUS_CAPABILITIES = 1 << 4;
    static final int BARS = 6, SIZE = 256;

    private final byte[] initial = new byte[SIZE];
    private final byte[] writable = new byte[SIZE];
    private final byte[] config = new byte[SIZE];
    final Bar[] bars = new Bar[BARS];
    private int nextCapability = 0x40;
    private int lastCapability = CAPABILITIES;

    private PciBus bus;
    private InterruptLine pin = InterruptLine.UNCONNECTED;
    private boolean asserted;
    private Msi msi;
    private MsiX msiX;

    /** @param classCode base class, sub-class and programming interface, in 24 bits */
    protected PciFunction(int vendor, int device, int classCode, int revision) {
        set(VENDOR_ID, 2, vendor);
        set(DEVICE_ID, 2, device);
        set(REVISION, 1, revision);
        set(CLASS, 3, classCode);
        allow(COMMAND, 2, COMMAND_WRITABLE);
        allow(INTERRUPT_LINE, 1, 0xFF);
        System.arraycopy(initial, 0, config, 0, SIZE);
    }

    // ---- what a function's constructor says about itself ----

    /** Sets the value of a register after reset. */
    protected final void set(int at, int size, int value) {
        for (int i = 0; i < size; i++) {
            initial[at + i] = (byte) (value >>> 8 * i);
            config[at + i] = initial[at + i];
        }
    }

    /** Makes bits of a register writable. */
    protected final void allow(int at, int size, int mask) {
        for (int i = 0; i < size; i++) {
            writable[at + i] |= (byte) (mask >>> 8 * i);
        }
    }

    protected final void subsystem(int vendor, int device) {
        set(SUBSYSTEM_VENDOR, 2, vendor);
        set(SUBSYSTEM, 2, device);
    }

    /** The function uses interrupt pin INTA. */
    protected final void interruptPin() {
        set(INTERRUPT_PIN, 1, 1);
    }

    protected final void memoryBar(int index, long size, MmioHandler handler) {
        bar(index, new Bar(Bar.Kind.MEMORY32, size, handler, null));
    }

    protected final void memoryBar64(int index, long size, MmioHandler handler) {
        bar(index, new Bar(Bar.Kind.MEMORY64, size, handler, null));
        allow(BAR0 + 4 * index + 4, 4, (int) (-size >>> 32));
    }

    protected final void portBar(int index, int size, PortDevice handler) {
        bar(index, new Bar(Bar.Kind.PORTS, size, null, handler));
    }

    private void bar(int index, Bar bar) {
        bars[index] = bar;
        set(BAR0 + 4 * index, 4, bar.flags());
        allow(BAR0 + 4 * index, 4, (int) -bar.size());
    }

    /** Adds a capability of {@code length} bytes, its ID and link included; returns where it starts. */
    protected final int capability(int id, int length) {
        int at = nextCapability;
        nextCapability = at + length + 3 & ~3;
        set(lastCapability, 1, at);
        set(STATUS, 2, STATUS_CAPABILITIES);
        set(at, 1, id);
        lastCapability = at + 1;
        return at;
    }

    /** Adds MSI: one message, 64-bit address. */
    protected final void msi() {
        msi = new Msi(this, capability(Msi.ID, Msi.LENGTH));
    }

    /** Adds MSI-X with its table and pending bits in memory region {@code bar}, which it takes whole. */
    protected final void msiX(int bar, int vectors) {
        msiX = new MsiX(this, capability(MsiX.ID, MsiX.LENGTH), bar, vectors);
        memoryBar(bar, MsiX.BAR_SIZE, msiX);
    }

    // ---- what a function does ----

    /** Drives the interrupt pin, unless the guest uses messages instead. */
    protected final void interrupt(boolean level) {
        asserted = level;
        updatePin();
    }

    /** Sends the function's message by MSI, if the guest enabled that; else does nothing and returns false. */
    protected final boolean message() {
        if (msi == null || !msi.enabled()) {
            return false;
        }
        msi.send();
        return true;
    }

    /** The guest uses MSI-X. */
    protected final boolean usesMsiX() {
        return msiX != null && msiX.enabled();
    }

    /** Sends MSI-X message {@code vector}; a vector that does not exist sends nothing. */
    protected final void message(int vector) {
        msiX.send(vector);
    }

    protected final int messages() {
        return msiX == null ? 0 : msiX.vectors();
    }

    /** Access to guest memory on the function's own account. */
    protected final BusMaster memory() {
        return bus.master(this);
    }

    /** Configuration space has another content: a guest has written to it, it was reset, or a state was loaded. */
    protected void placed() {}

    /** A write to configuration space was done. */
    protected void configured(int at, int size) {}

    private void updatePin() {
        boolean byMessage = msiX != null && msiX.enabled() || msi != null && msi.enabled();
        boolean level = asserted && !byMessage;
        int status = get(STATUS, 2);
        put(STATUS, 2, asserted ? status | STATUS_INTERRUPT : status & ~STATUS_INTERRUPT);
        pin.set(level && (get(COMMAND, 2) & INTERRUPT_DISABLE) == 0);
    }

    // ---- the bus' side ----

    final void attach(PciBus owner, InterruptLine line) {
        bus = owner;
        pin = line;
    }

    final void sendMessage(long address, int data) {
        if ((get(COMMAND, 2) & MASTER_ENABLE) != 0) {
            bus.messages().write(address, data);
        }
    }

    /** A register's current value. */
    protected final int get(int at, int size) {
        int v = 0;
        for (int i = size - 1; i >= 0; i--) {
            v = v << 8 | config[at + i] & 0xFF;
        }
        return v;
    }

    /** Changes a register, whatever the guest may write. */
    protected final void put(int at, int size, int value) {
        for (int i = 0; i < size; i++) {
            config[at + i] = (byte) (value >>> 8 * i);
        }
    }

    /** Configuration read cycle: 1, 2 or 4 bytes within a 32-bit register. */
    public int readConfig(int at, int size) {
        return get(at, size);
    }

    /** Configuration write cycle. */
    public void writeConfig(int at, int size, int value) {
        for (int i = 0; i < size; i++) {
            int mask = writable[at + i];
            config[at + i] = (byte) (config[at + i] & ~mask | value >>> 8 * i & mask);
        }
        if (msiX != null) {
            msiX.configured();
        }
        updatePin();
        if (at + size > COMMAND && at < COMMAND + 2 || at + size > BAR0 && at < BAR0 + 4 * BARS) {
            bus.remap(this);
        }
        configured(at, size);
        placed();
    }

    /** The address in a base address register, without flags. */
    final long barAddress(int index) {
        long low = get(BAR0 + 4 * index, 4) & 0xFFFFFFFFL & -bars[index].size();
        return bars[index].kind() == Bar.Kind.MEMORY64 ? low | (long) get(BAR0 + 4 * index + 4, 4) << 32 : low;
    }

    final void setBarAddress(int index, long address) {
        put(BAR0 + 4 * index, 4, (int) address | bars[index].flags());
        if (bars[index].kind() == Bar.Kind.MEMORY64) {
            put(BAR0 + 4 * index + 4, 4, (int) (address >>> 32));
        }
    }

    @Override
    public void reset() {
        System.arraycopy(initial, 0, config, 0, SIZE);
        if (msiX != null) {
            msiX.reset();
        }
        asserted = false;
        updatePin();
        bus.remap(this);
        placed();
    }

    @Override
    public void save(StateOutput out) {
        out.putBytes("configuration", config.clone());
        out.putBoolean("asserted", asserted);
        if (msiX != null) {
            out.put("MSI-X", msiX);
        }
    }

    @Override
    public void load(StateInput in) {
        byte[] saved = in.getBytes("configuration");
        System.arraycopy(saved, 0, config, 0, SIZE);
        asserted = in.getBoolean("asserted");
        if (msiX != null) {
            in.get("MSI-X", msiX);
        }
        bus.remap(this);
        placed();
    }
}
