package dev.javisor.machine.virtio;

import dev.javisor.machine.pci.BusMaster;
import dev.javisor.machine.pci.PciFunction;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/**
 * A virtio device behind the virtio-pci transport ("Virtio Over PCI Bus", modern interface): common configuration, notification, interrupt
 * status and device configuration in one memory region, split virtqueues, INTx or MSI-X.
 */
public abstract class VirtioFunction extends PciFunction {
    private static final int VENDOR = 0x1AF4, FIRST_DEVICE = 0x1040;
    private static final int MSIX_BAR = 1, BAR = 4;
    /** Offsets of the structures in the memory region, each one page. */
    private static final int COMMON = 0x0000, ISR = 0x1000, DEVICE = 0x2000, NOTIFY = 0x3000, BAR_SIZE = 0x4000;

    private static final int VENDOR_CAPABILITY = 0x09, CAPABILITY_LENGTH = 16;
    private static final int COMMON_CFG = 1, NOTIFY_CFG = 2, ISR_CFG = 3, DEVICE_CFG = 4, PCI_CFG = 5;
    private static final int COMMON_LENGTH = 0x38, NOTIFY_MULTIPLIER = 4;

    /** Feature bits of every device. */
    private static final long INDIRECT_DESC = 1L << 28, VERSION_1 = 1L << 32;

    // Device status
    private static final int FEATURES_OK = 8, DRIVER_OK = 4, NEEDS_RESET = 64;
    // Interrupt status
    private static final int QUEUE_INTERRUPT = 1, CONFIGURATION_INTERRUPT = 2;
    static final int NO_VECTOR = 0xFFFF;

    private final long offered;
    private final int deviceLength;
    final Virtqueue[] queues;
    /** Where the capability for access through configuration space lies. */
    private final int window;

    private int featureSelect, driverFeatureSelect;
    private long accepted;
    private int status;
    private int queueSelect;
    private int isr;
    private int configurationVector = NO_VECTOR;

    /**
     * @param type device type, as numbered in "Device Types"
     * @param features offered beside those of every device
     * @param queueSizes largest size of each virtqueue
     * @param deviceLength bytes of device-specific configuration
     */
    @SuppressWarnings("this-escape")
    protected VirtioFunction(int type, int classCode, long features, int[] queueSizes, int deviceLength) {
        super(VENDOR, FIRST_DEVICE + type, classCode, 1);
        subsystem(VENDOR, FIRST_DEVICE + type);
        interruptPin();
        offered = features | INDIRECT_DESC | VERSION_1;
        this.deviceLength = deviceLength;
        queues = new Virtqueue[queueSizes.length];
        for (int i = 0; i < queues.length; i++) {
            queues[i] = new Virtqueue(queueSizes[i]);
        }
        structure(COMMON_CFG, COMMON, COMMON_LENGTH, CAPABILITY_LENGTH);
        structure(ISR_CFG, ISR, 1, CAPABILITY_LENGTH);
        if (deviceLength > 0) {
            structure(DEVICE_CFG, DEVICE, deviceLength, CAPABILITY_LENGTH);
        }
        int notify = structure(NOTIFY_CFG, NOTIFY, queues.length * NOTIFY_MULTIPLIER, CAPABILITY_LENGTH + 4);
        set(notify + 16, 4, NOTIFY_MULTIPLIER);
        window = structure(PCI_CFG, 0, 0, CAPABILITY_LENGTH + 4);
        allow(window + 4, 1, 0xFF);
        allow(window + 8, 4, -1);
        allow(window + 12, 4, -1);
        msiX(MSIX_BAR, queues.length + 1);
        memoryBar64(BAR, BAR_SIZE, new Registers());
    }

    private int structure(int type, int offset, int length, int capabilityLength) {
        int at = capability(VENDOR_CAPABILITY, capabilityLength);
        set(at + 2, 1, capabilityLength);
        set(at + 3, 1, type);
        set(at + 4, 1, type == PCI_CFG ? 0 : BAR);
        set(at + 8, 4, offset);
        set(at + 12, 4, length);
        return at;
    }

    // ---- what a device does ----

    /** The driver has put buffers into a queue. */
    protected abstract void notified(int queue);

    /** A byte of device-specific configuration. */
    protected abstract int deviceConfiguration(int offset);

    /** The driver has set the device up and may use it. */
    protected final boolean isLive() {
        return (status & (DRIVER_OK | NEEDS_RESET)) == DRIVER_OK;
    }

    /** The driver has accepted a feature. */
    protected final boolean accepted(long feature) {
        return (accepted & feature) != 0;
    }

    /** Takes the next buffer of a queue; null when there is none, or the queue is broken, which only a reset heals. */
    protected final DescriptorChain take(int queue) {
        if (!isLive() || !queues[queue].enabled) {
            return null;
        }
        try {
            return queues[queue].take(memory());
        } catch (BrokenQueueException e) {
            status |= NEEDS_RESET;
            interrupt(configurationVector, CONFIGURATION_INTERRUPT);
            return null;
        }
    }

    /** A buffer is there to be taken. */
    protected final boolean hasBuffer(int queue) {
        return isLive() && queues[queue].enabled && queues[queue].hasBuffer(memory());
    }

    /** Gives a buffer back, {@code written} bytes of it changed, and interrupts the driver if it wants that. */
    protected final void giveBack(int queue, DescriptorChain chain, int written) {
        Virtqueue q = queues[queue];
        BusMaster memory = memory();
        q.giveBack(memory, chain, written);
        if (q.wantsInterrupt(memory)) {
            interrupt(q.vector, QUEUE_INTERRUPT);
        }
    }

    private void interrupt(int vector, int cause) {
        if (usesMsiX()) {
            message(vector);
        } else {
            isr |= cause;
            interrupt(true);
        }
    }

    private void resetDevice() {
        featureSelect = 0;
        driverFeatureSelect = 0;
        accepted = 0;
        status = 0;
        queueSelect = 0;
        isr = 0;
        configurationVector = NO_VECTOR;
        for (Virtqueue q : queues) {
            q.reset();
        }
        interrupt(false);
    }

    // ---- registers ----

    private long readRegister(int offset, int size) {
        long v = 0;
        if (offset >= ISR && offset < DEVICE) {
            if (offset != ISR) {
                return 0;
            }
            v = isr;
            isr = 0;
            interrupt(false);
            return v;
        }
        for (int i = size - 1; i >= 0; i--) {
            v = v << 8 | (offset >= DEVICE ? deviceByte(offset + i - DEVICE) : commonByte(offset + i));
        }
        return v;
    }

    private int deviceByte(int offset) {
        return offset < deviceLength ? deviceConfiguration(offset) & 0xFF : 0;
    }

    private Virtqueue selected() {
        return queueSelect < queues.length ? queues[queueSelect] : null;
    }

    private int commonByte(int offset) {
        if (offset >= COMMON_LENGTH) {
            return 0;
        }
        Common field = Common.at(offset);
        return (int) (read(field) >>> 8 * (offset - field.offset)) & 0xFF;
    }

    private long read(Common field) {
        Virtqueue q = selected();
        return switch (field) {
            case DEVICE_FEATURE_SELECT -> featureSelect;
            case DEVICE_FEATURE -> half(offered, featureSelect);
            case DRIVER_FEATURE_SELECT -> driverFeatureSelect;
            case DRIVER_FEATURE -> half(accepted, driverFeatureSelect);
            case CONFIG_MSIX_VECTOR -> configurationVector;
            case NUM_QUEUES -> queues.length;
            case DEVICE_STATUS -> status;
            case CONFIG_GENERATION -> 0;
            case QUEUE_SELECT -> queueSelect;
            case QUEUE_SIZE -> q == null ? 0 : q.size;
            case QUEUE_MSIX_VECTOR -> q == null ? NO_VECTOR : q.vector;
            case QUEUE_ENABLE -> q != null && q.enabled ? 1 : 0;
            case QUEUE_NOTIFY_OFF -> queueSelect;
            case QUEUE_DESC -> q == null ? 0 : q.descriptors;
            case QUEUE_DRIVER -> q == null ? 0 : q.driver;
            case QUEUE_DEVICE -> q == null ? 0 : q.device;
        };
    }

    private static long half(long features, int select) {
        return select == 0 ? features & 0xFFFFFFFFL : select == 1 ? features >>> 32 : 0;
    }

    private void writeRegister(int offset, int size, long value) {
        if (offset >= NOTIFY) {
            int queue = (offset - NOTIFY) / NOTIFY_MULTIPLIER;
            if (queue < queues.length && isLive()) {
                notified(queue);
            }
        } else if (offset < COMMON_LENGTH) {
            Common field = Common.at(offset);
            long old = read(field);
            int shift = 8 * (offset - field.offset);
            long mask = (size == 8 ? -1L : (1L << 8 * size) - 1) << shift;
            write(field, old & ~mask | value << shift & mask);
        }
    }

    private void write(Common field, long value) {
        Virtqueue q = selected();
        int v = (int) value;
        switch (field) {
            case DEVICE_FEATURE_SELECT -> featureSelect = v;
            case DRIVER_FEATURE_SELECT -> driverFeatureSelect = v;
            case DRIVER_FEATURE -> acceptFeatures(v);
            case CONFIG_MSIX_VECTOR -> configurationVector = vector(v);
            case DEVICE_STATUS -> setStatus(v & 0xFF);
            case QUEUE_SELECT -> queueSelect = v & 0xFFFF;
            default -> {
                if (q != null) {
                    write(q, field, value);
                }
            }
        }
    }

    private void write(Virtqueue q, Common field, long value) {
        switch (field) {
            case QUEUE_MSIX_VECTOR -> q.vector = vector((int) value);
            case QUEUE_SIZE -> q.resize((int) value & 0xFFFF);
            case QUEUE_ENABLE -> q.enabled |= (value & 1) != 0;
            case QUEUE_DESC -> q.descriptors = value;
            case QUEUE_DRIVER -> q.driver = value;
            case QUEUE_DEVICE -> q.device = value;
            default -> {
                // Read-only.
            }
        }
    }

    private void acceptFeatures(int value) {
        if ((status & FEATURES_OK) == 0) {
            if (driverFeatureSelect == 0) {
                accepted = accepted & ~0xFFFFFFFFL | value & 0xFFFFFFFFL;
            } else if (driverFeatureSelect == 1) {
                accepted = accepted & 0xFFFFFFFFL | (long) value << 32;
            }
        }
    }

    private int vector(int v) {
        return (v & 0xFFFF) < messages() ? v & 0xFFFF : NO_VECTOR;
    }

    private void setStatus(int value) {
        if (value == 0) {
            resetDevice();
            return;
        }
        boolean acceptable = (accepted & ~offered) == 0 && (accepted & VERSION_1) != 0;
        if ((value & ~status & FEATURES_OK) != 0 && !acceptable) {
            value &= ~FEATURES_OK;
        }
        boolean started = (value & ~status & DRIVER_OK) != 0;
        status = value | status & NEEDS_RESET;
        if (started) {
            for (int i = 0; i < queues.length; i++) {
                notified(i);
            }
        }
    }

    /** Registers of the common configuration structure. */
    private enum Common {
        DEVICE_FEATURE_SELECT(0x00),
        DEVICE_FEATURE(0x04),
        DRIVER_FEATURE_SELECT(0x08),
        DRIVER_FEATURE(0x0C),
        CONFIG_MSIX_VECTOR(0x10),
        NUM_QUEUES(0x12),
        DEVICE_STATUS(0x14),
        CONFIG_GENERATION(0x15),
        QUEUE_SELECT(0x16),
        QUEUE_SIZE(0x18),
        QUEUE_MSIX_VECTOR(0x1A),
        QUEUE_ENABLE(0x1C),
        QUEUE_NOTIFY_OFF(0x1E),
        QUEUE_DESC(0x20),
        QUEUE_DRIVER(0x28),
        QUEUE_DEVICE(0x30);

        private static final Common[] ALL = values();
        final int offset;

        Common(int offset) {
            this.offset = offset;
        }

        /** The register that holds a byte. */
        static Common at(int offset) {
            int i = ALL.length - 1;
            while (ALL[i].offset > offset) {
                i--;
            }
            return ALL[i];
        }
    }

    private final class Registers implements MmioHandler {
        @Override
        public long read(long offset, int size) {
            return readRegister((int) offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            writeRegister((int) offset, size, value);
        }
    }

    // ---- access through configuration space ----

    @Override
    public int readConfig(int at, int size) {
        int data = window + CAPABILITY_LENGTH;
        if (at >= data && at < data + 4 && windowLength() == size) {
            return (int) readRegister(windowOffset(), size);
        }
        return super.readConfig(at, size);
    }

    @Override
    public void writeConfig(int at, int size, int value) {
        int data = window + CAPABILITY_LENGTH;
        if (at >= data && at < data + 4) {
            if (windowLength() == size) {
                writeRegister(windowOffset(), size, value & (size == 4 ? 0xFFFFFFFFL : (1L << 8 * size) - 1));
            }
            return;
        }
        super.writeConfig(at, size, value);
    }

    private int windowOffset() {
        return get(window + 8, 4) & BAR_SIZE - 1;
    }

    /** Bytes to be accessed, or 0 when the window does not point at an aligned register. */
    private int windowLength() {
        int length = get(window + 12, 4);
        boolean valid = length == 1 || length == 2 || length == 4;
        return valid && get(window + 4, 1) == BAR && (windowOffset() & length - 1) == 0 ? length : 0;
    }

    @Override
    public void reset() {
        super.reset();
        resetDevice();
    }

    @Override
    public void save(StateOutput out) {
        super.save(out);
        out.putLongs("virtio", new long[] {featureSelect, driverFeatureSelect, accepted, status, queueSelect, isr, configurationVector});
        for (Virtqueue q : queues) {
            out.put("queue", q);
        }
    }

    @Override
    public void load(StateInput in) {
        super.load(in);
        long[] v = new long[7];
        in.getLongs("virtio", v);
        featureSelect = (int) v[0];
        driverFeatureSelect = (int) v[1];
        accepted = v[2];
        status = (int) v[3];
        queueSelect = (int) v[4];
        isr = (int) v[5];
        configurationVector = (int) v[6];
        for (Virtqueue q : queues) {
            in.get("queue", q);
        }
    }
}
