package dev.javisor.machine;

import dev.javisor.hypervisor.Kvm;
import dev.javisor.hypervisor.abi.RequeuePolicy;
import dev.javisor.isa.CpuModel;
import dev.javisor.machine.boot.BootContext.EntryChoice;
import dev.javisor.machine.boot.BootModule;
import dev.javisor.machine.boot.ImageFile;
import dev.javisor.machine.console.ByteSink;
import dev.javisor.machine.device.Flash;
import dev.javisor.machine.virtio.Drive;
import dev.javisor.processor.execution.Engine;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/** Everything a machine is made from. Immutable; two machines made from equal configurations behave alike to the bit. */
public final class MachineConfiguration {
    /** Most processors of a machine. */
    public static final int MAXIMUM_PROCESSORS = 64;
    public static final int MAXIMUM_DRIVES = 16;

    /** Least RAM, in bytes. */
    public static final long MINIMUM_MEMORY = 2L << 20;

    /** Devices that only tests need. */
    public enum TestDevice {
        /** Ports and memory to test accesses and interrupt lines with. */
        PC_TESTDEV,
        /** A PCI function with one memory and one port region. */
        PCI_TESTDEV,
        /** A PCI function that computes factorials and copies memory. */
        EDU,
        /** KVM's hypercalls are answered although no hypervisor is there. */
        KVM_HYPERCALLS
    }

    private final CpuModel model;
    private final int processors;
    private final long memory;
    private final Chipset chipset;
    private final ImageFile kernel;
    private final List<BootModule> modules;
    private final String commandLine;
    private final EntryChoice entry;
    private final ImageFile firmware;
    private final Drive variables;
    private final List<Drive> drives;
    private final Set<TestDevice> testDevices;
    private final List<ByteSink> serial;
    private final ByteSink debugConsole;
    private final ByteSink virtioConsole;
    private final boolean stopAtReset;
    private final boolean timer;
    private final long clock;
    private final long seed;
    private final Engine engine;
    private final Place place;
    private final RequeuePolicy requeuePolicy;
    private final boolean forcedEmulation;
    private final boolean apicVirtualization;
    private final long pageDelay;
    private final long pageRoom;

    private MachineConfiguration(Builder b) {
        Objects.requireNonNull(b.model, "a machine needs a CPU model");
        model = b.place == Place.HYPERVISOR ? Kvm.guestModel(b.model) : b.model;
        processors = b.processors;
        memory = b.memory;
        chipset = b.chipset;
        kernel = b.kernel;
        modules = List.copyOf(b.modules);
        commandLine = b.commandLine;
        entry = b.entry;
        firmware = b.firmware;
        variables = b.variables;
        drives = List.copyOf(b.drives);
        testDevices = EnumSet.copyOf(b.testDevices);
        serial = List.copyOf(b.serial);
        debugConsole = b.debugConsole;
        virtioConsole = b.virtioConsole;
        stopAtReset = b.stopAtReset;
        timer = b.timer;
        clock = b.clock;
        seed = b.seed;
        engine = b.engine;
        place = b.place;
        requeuePolicy = b.requeuePolicy;
        forcedEmulation = b.forcedEmulation;
        apicVirtualization = b.apicVirtualization;
        pageDelay = b.pageDelay;
        pageRoom = b.pageRoom;
    }

    public static Builder builder(CpuModel model) {
        return new Builder(model);
    }

    /** As the guest has it: on the hypervisor without VMX. */
    public CpuModel model() {
        return model;
    }

    public int processors() {
        return processors;
    }

    /** Bytes of RAM. */
    public long memory() {
        return memory;
    }

    public Chipset chipset() {
        return chipset;
    }

    /** Or null. With a firmware, what that shall start. */
    public ImageFile kernel() {
        return kernel;
    }

    /** What is loaded beside the kernel. */
    public List<BootModule> modules() {
        return modules;
    }

    public String commandLine() {
        return commandLine;
    }

    public EntryChoice entry() {
        return entry;
    }

    /** Or null. */
    public ImageFile firmware() {
        return firmware;
    }

    public List<Drive> drives() {
        return drives;
    }

    /** Content of the flash memory in which the firmware keeps its variables, or null. */
    public Drive variables() {
        return variables;
    }

    /** Closes all drives, and the file of the variables. */
    public void closeFiles() {
        drives.forEach(Drive::close);
        if (variables != null) {
            variables.close();
        }
    }

    public boolean has(TestDevice device) {
        return testDevices.contains(device);
    }

    /** Where the serial ports' output goes, COM1 first. */
    public List<ByteSink> serial() {
        return serial;
    }

    public ByteSink debugConsole() {
        return debugConsole;
    }

    /** Output of the virtio console, or null when the machine has none. */
    public ByteSink virtioConsole() {
        return virtioConsole;
    }

    /** The machine has virtio devices: those that something else asks for, and a source of entropy. */
    public boolean hasVirtio() {
        return !testDevices.contains(TestDevice.PC_TESTDEV);
    }

    /** A reset ends the run. */
    public boolean stopAtReset() {
        return stopAtReset;
    }

    /** The 8254 drives its interrupt. */
    public boolean timer() {
        return timer;
    }

    /** What the real-time clock shows at power-on: seconds since 1970-01-01T00:00Z. */
    public long clock() {
        return clock;
    }

    /** Seed of everything random that a guest can see. */
    public long seed() {
        return seed;
    }

    /** What runs guest code; the guest cannot tell. */
    public Engine engine() {
        return engine;
    }

    /** What the guest runs on. */
    public Place place() {
        return place;
    }

    /** What the hypervisor delivers again when an exit has interrupted its delivery. */
    public RequeuePolicy requeuePolicy() {
        return requeuePolicy;
    }

    /** Ticks after which a page of memory is there that the guest has wanted for the first time; 0: all memory is there. */
    public long pageDelay() {
        return pageDelay;
    }

    /** Bytes of memory that are there at a time, with {@link #pageDelay}. */
    public long pageRoom() {
        return pageRoom;
    }

    /** On the hypervisor, instructions behind a prefix are emulated: for tests of the emulator. The metal takes the prefix for nothing. */
    public boolean forcedEmulation() {
        return forcedEmulation;
    }

    /** On the hypervisor, the registers of a local APIC are the processor's while its guest runs. */
    public boolean apicVirtualization() {
        return apicVirtualization;
    }

    /** What the generator behind a processor's RDRAND starts from. */
    long randomSeed(int processor) {
        return seed * MAXIMUM_PROCESSORS + processor;
    }

    /** Bytes of memory that must be there at a time. */
    public static final long MINIMUM_PAGE_ROOM = 1 << 20;

    /** Collects a configuration. */
    public static final class Builder {
        private final CpuModel model;
        private int processors = 1;
        private long memory = 128L << 20;
        private Chipset chipset = Chipset.PC;
        private ImageFile kernel;
        private final List<BootModule> modules = new ArrayList<>();
        private String commandLine = "";
        private EntryChoice entry = EntryChoice.BEST;
        private ImageFile firmware;
        private Drive variables;
        private final List<Drive> drives = new ArrayList<>();
        private final EnumSet<TestDevice> testDevices = EnumSet.noneOf(TestDevice.class);
        private final List<ByteSink> serial = new ArrayList<>();
        private ByteSink debugConsole = ByteSink.NONE;
        private ByteSink virtioConsole;
        private boolean stopAtReset;
        private boolean timer = true;
        /** 2026-01-01. */
        private long clock = 1_767_225_600L;

        private long seed = 1;
        private Engine engine = Engine.standard();
        private Place place = Place.METAL;
        private RequeuePolicy requeuePolicy = RequeuePolicy.ALWAYS;
        private boolean forcedEmulation;
        private boolean apicVirtualization = true;
        private long pageDelay;
        private long pageRoom = Long.MAX_VALUE;

        private Builder(CpuModel model) {
            this.model = model;
        }

        /** @throws IllegalArgumentException if there are none or more than {@link #MAXIMUM_PROCESSORS} */
        public Builder processors(int count) {
            if (count < 1 || count > MAXIMUM_PROCESSORS) {
                throw new IllegalArgumentException("a machine has 1 to " + MAXIMUM_PROCESSORS + " processors, not " + count);
            }
            processors = count;
            return this;
        }

        /**
         * Bytes of RAM.
         *
         * @throws IllegalArgumentException if they are less than {@link #MINIMUM_MEMORY} or no whole number of MiB
         */
        public Builder memory(long bytes) {
            if (bytes < MINIMUM_MEMORY || bytes % (1 << 20) != 0 || bytes > 1L << 40) {
                throw new IllegalArgumentException("memory is a whole number of MiB, from 2 MiB to 1 TiB");
            }
            memory = bytes;
            return this;
        }

        public Builder chipset(Chipset value) {
            chipset = value;
            return this;
        }

        public Builder kernel(ImageFile image) {
            kernel = image;
            return this;
        }

        /** Adds an initial RAM disk, or a multiboot module without arguments. */
        public Builder initrd(ImageFile image) {
            return module(new BootModule(image, ""));
        }

        /** Adds a file that is loaded beside the kernel. */
        public Builder module(BootModule module) {
            modules.add(module);
            return this;
        }

        public Builder commandLine(String value) {
            commandLine = value;
            return this;
        }

        public Builder entry(EntryChoice value) {
            entry = value;
            return this;
        }

        public Builder firmware(ImageFile image) {
            firmware = image;
            return this;
        }

        /**
         * Gives UEFI firmware the flash memory that holds its variables.
         *
         * @throws IllegalArgumentException if these are no whole blocks of flash memory
         */
        public Builder variables(Drive file) {
            if (file.sectors() * Drive.SECTOR % Flash.BLOCK != 0) {
                throw new IllegalArgumentException("a firmware's variables are a multiple of 4 KiB");
            }
            variables = file;
            return this;
        }

        /** @throws IllegalArgumentException if there are {@link #MAXIMUM_DRIVES} already */
        public Builder drive(Drive drive) {
            if (drives.size() == MAXIMUM_DRIVES) {
                throw new IllegalArgumentException("a machine has at most " + MAXIMUM_DRIVES + " drives");
            }
            drives.add(drive);
            return this;
        }

        public Builder testDevice(TestDevice device) {
            testDevices.add(device);
            return this;
        }

        /** Adds a serial port: COM1, then COM2. */
        public Builder serial(ByteSink sink) {
            serial.add(sink);
            return this;
        }

        public Builder debugConsole(ByteSink sink) {
            debugConsole = sink;
            return this;
        }

        public Builder virtioConsole(ByteSink sink) {
            virtioConsole = sink;
            return this;
        }

        public Builder stopAtReset(boolean value) {
            stopAtReset = value;
            return this;
        }

        public Builder timer(boolean present) {
            timer = present;
            return this;
        }

        public Builder clock(long seconds) {
            clock = seconds;
            return this;
        }

        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** What the guest runs on. */
        public Builder place(Place value) {
            place = value;
            return this;
        }

        /** Anything but {@link RequeuePolicy#ALWAYS} is wrong, and there to be tried. */
        public Builder requeuePolicy(RequeuePolicy value) {
            requeuePolicy = value;
            return this;
        }

        /**
         * On the hypervisor, brings memory page by page when the guest wants it, as a host does that has swapped it out.
         *
         * @param ticks that each page takes; 0: all memory is there
         * @throws IllegalArgumentException if negative
         */
        public Builder pageDelay(long ticks) {
            if (ticks < 0) {
                throw new IllegalArgumentException("a page takes no negative time");
            }
            pageDelay = ticks;
            return this;
        }

        /**
         * With {@link #pageDelay}, takes all pages away from the guest whenever more than this is there, as a host does that is short of
         * memory. They keep what they hold.
         *
         * @throws IllegalArgumentException if less than {@link #MINIMUM_PAGE_ROOM}, in which a guest would not come forward
         */
        public Builder pageRoom(long bytes) {
            if (bytes < MINIMUM_PAGE_ROOM) {
                throw new IllegalArgumentException("a guest needs room for at least 1 MiB of its pages");
            }
            pageRoom = bytes;
            return this;
        }

        /** An instruction behind the bytes of UD2 and "kvm" is carried out by the hypervisor's emulator; on the metal, by the processor. */
        public Builder forcedEmulation(boolean value) {
            forcedEmulation = value;
            return this;
        }

        /** On the hypervisor, lets the processor deliver the interrupts of the local APICs without VM exits. The guest cannot tell. */
        public Builder apicVirtualization(boolean value) {
            apicVirtualization = value;
            return this;
        }

        public Builder engine(Engine value) {
            engine = value;
            return this;
        }

        /**
         * @throws IllegalArgumentException if neither kernel nor firmware is given, variables without firmware, or if the guest
         *     is to have from the metal what only the hypervisor has
         */
        public MachineConfiguration build() {
            if (place == Place.METAL && (model.isParavirtual() || pageDelay != 0)) {
                throw new IllegalArgumentException("only the hypervisor has KVM's features and memory that comes later");
            }
            if (firmware == null && variables != null) {
                throw new IllegalArgumentException("variables go with a firmware");
            }
            if (kernel == null && firmware == null) {
                throw new IllegalArgumentException("a machine starts a kernel or a firmware image");
            }
            return new MachineConfiguration(this);
        }
    }
}
