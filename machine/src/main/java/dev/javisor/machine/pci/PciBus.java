package dev.javisor.machine.pci;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.bus.PortDevice;
import dev.javisor.processor.memory.MmioHandler;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.memory.Region;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * PCI bus 0 and the host bridge's ways to it: configuration mechanism 1 at ports 0CF8H and 0CFCH, and memory-mapped configuration (ECAM).
 * Decodes the memory and port regions of the functions on it.
 */
public final class PciBus implements Device {
    /** Bytes of memory-mapped configuration space: 256 buses. */
    public static final long ECAM_SIZE = 256L << 20;

    private static final int FUNCTIONS = 256;
    private static final int CONFIG_ADDRESS = 0xCF8, CONFIG_DATA = 0xCFC, ENABLE = 1 << 31;

    private record Mapping(Region region, IoBus.Range ports) {}

    private final PhysicalMemory memory;
    private final IoBus io;
    private final PciWindows windows;
    private final MessageBus messages;
    private final IntFunction<InterruptLine> lines;
    private final PciFunction[] functions = new PciFunction[FUNCTIONS];
    private final Map<PciFunction, List<Mapping>> mappings = new HashMap<>();
    private int address;

    /**
     * @param windows addresses that the host bridge forwards to the bus
     * @param lines a new source on the line that INTA of device n drives
     */
    public PciBus(PhysicalMemory memory, IoBus io, PciWindows windows, MessageBus messages, IntFunction<InterruptLine> lines) {
        this.memory = memory;
        this.io = io;
        this.windows = windows;
        this.messages = messages;
        this.lines = lines;
        io.register(CONFIG_ADDRESS, 4, new AddressPort());
        io.register(CONFIG_DATA, 4, new DataPort());
    }

    /** Puts memory-mapped configuration at a guest-physical address. */
    public void mapEcam(long at) {
        memory.add(Region.device(at, ECAM_SIZE, new Ecam()));
    }

    /** Puts a function into a slot. */
    public void add(int device, int function, PciFunction f) {
        int i = device << 3 | function;
        if (functions[i] != null) {
            throw new IllegalStateException("slot %02x.%x is taken".formatted(device, function));
        }
        functions[i] = f;
        f.attach(this, lines.apply(device));
    }

    /** The function in a slot, or null. */
    public PciFunction function(int device, int function) {
        return functions[device << 3 | function];
    }

    MessageBus messages() {
        return messages;
    }

    PciWindows windows() {
        return windows;
    }

    BusMaster master(PciFunction f) {
        return new BusMaster(memory, f);
    }

    /** Decodes a function's regions where its registers now say. */
    void remap(PciFunction f) {
        List<Mapping> old = mappings.getOrDefault(f, List.of());
        List<Mapping> now = new ArrayList<>();
        int command = f.get(PciFunction.COMMAND, 2);
        List<Mapping> kept = new ArrayList<>();
        for (int i = 0; i < PciFunction.BARS; i++) {
            Bar bar = f.bars[i];
            if (bar == null) {
                continue;
            }
            long at = f.barAddress(i);
            if (bar.kind() == Bar.Kind.PORTS) {
                if ((command & PciFunction.IO_ENABLE) != 0 && windows.hasPorts(at, bar.size())) {
                    now.add(keepOrMake(old, kept, bar, at));
                }
            } else if ((command & PciFunction.MEMORY_ENABLE) != 0 && windows.hasMemory(at, bar.size())) {
                now.add(keepOrMake(old, kept, bar, at));
            }
        }
        for (Mapping m : old) {
            if (!kept.contains(m)) {
                if (m.region != null) {
                    memory.remove(m.region);
                } else {
                    io.unregister(m.ports);
                }
            }
        }
        mappings.put(f, now);
    }

    private Mapping keepOrMake(List<Mapping> old, List<Mapping> kept, Bar bar, long at) {
        for (Mapping m : old) {
            boolean same = bar.kind() == Bar.Kind.PORTS
                    ? m.ports != null && m.ports.start() == at && m.ports.count() == bar.size()
                    : m.region != null && m.region.start == at && m.region.device == bar.memory();
            if (same && !kept.contains(m)) {
                kept.add(m);
                return m;
            }
        }
        if (bar.kind() == Bar.Kind.PORTS) {
            return new Mapping(null, io.register((int) at, (int) bar.size(), bar.ports()));
        }
        Region r = Region.device(at, bar.size(), bar.memory());
        memory.add(r);
        return new Mapping(r, null);
    }

    private int readConfig(int bdf, int at, int size) {
        PciFunction f = bdf < FUNCTIONS ? functions[bdf] : null;
        if (f == null) {
            return -1;
        }
        return at < PciFunction.SIZE ? f.readConfig(at, size) : 0;
    }

    private void writeConfig(int bdf, int at, int size, int value) {
        PciFunction f = bdf < FUNCTIONS ? functions[bdf] : null;
        if (f != null && at < PciFunction.SIZE) {
            f.writeConfig(at, size, value);
        }
    }

    @Override
    public void reset() {
        address = 0;
        for (PciFunction f : functions) {
            if (f != null) {
                f.reset();
            }
        }
    }

    @Override
    public void save(StateOutput out) {
        out.putInt("address", address);
        for (PciFunction f : functions) {
            if (f != null) {
                out.put("function", f);
            }
        }
    }

    @Override
    public void load(StateInput in) {
        address = in.getInt("address");
        for (PciFunction f : functions) {
            if (f != null) {
                in.get("function", f);
            }
        }
    }

    /** Only 32-bit accesses reach the address register; others are ordinary port accesses that nobody decodes. */
    private final class AddressPort implements PortDevice {
        @Override
        public int read(int offset, int size) {
            return size == 4 ? address : -1;
        }

        @Override
        public void write(int offset, int size, int value) {
            if (size == 4) {
                address = value;
            }
        }

        @Override
        public int width() {
            return 4;
        }
    }

    private final class DataPort implements PortDevice {
        @Override
        public int read(int offset, int size) {
            int at = at(offset);
            if (address >= 0 || (at & 3) + size > 4) {
                return -1;
            }
            return readConfig(address >>> 8 & 0xFFFF, at, size);
        }

        @Override
        public void write(int offset, int size, int value) {
            int at = at(offset);
            if (address < 0 && (at & 3) + size <= 4) {
                writeConfig(address >>> 8 & 0xFFFF, at, size, value);
            }
        }

        /** The low bits come from the port, and from the address register as well, as much software expects of virtual machines. */
        private int at(int offset) {
            return address & 0xFF | offset;
        }

        @Override
        public int width() {
            return 4;
        }
    }

    /** Accesses that do not stay within a 32-bit register are done in parts. */
    private final class Ecam implements MmioHandler {
        @Override
        public long read(long offset, int size) {
            if ((offset & 3) + size <= 4) {
                return readConfig((int) (offset >>> 12), (int) offset & 0xFFF, size) & 0xFFFFFFFFL;
            }
            int half = size / 2;
            return read(offset, half) & (1L << 8 * half) - 1 | read(offset + half, half) << 8 * half;
        }

        @Override
        public void write(long offset, int size, long value) {
            if ((offset & 3) + size <= 4) {
                writeConfig((int) (offset >>> 12), (int) offset & 0xFFF, size, (int) value);
                return;
            }
            int half = size / 2;
            write(offset, half, value);
            write(offset + half, half, value >>> 8 * half);
        }
    }
}
