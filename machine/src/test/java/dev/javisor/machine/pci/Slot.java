package dev.javisor.machine.pci;

import dev.javisor.processor.bus.IoBus;
import dev.javisor.processor.memory.PhysicalMemory;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** A PCI bus with guest memory, to put a function on and to do with it what a driver does. */
public final class Slot {
    public static final int DEVICE = 3;
    public static final long RAM = 1 << 20;

    /** A message-signalled interrupt that a function has sent. */
    public record Message(long address, int data) {}

    public final PhysicalMemory memory = new PhysicalMemory();
    public final IoBus io = new IoBus();
    public final List<Message> messages = new ArrayList<>();
    public boolean intx;
    final PciBus bus;

    public Slot(PciFunction function) {
        memory.addRam(0, Arena.ofAuto().allocate(RAM, 4096));
        PciWindows windows = new PciWindows(0xE0000000L, PciWindows.MEMORY_END, 1L << 35, 1L << 40, 0xC000);
        bus = new PciBus(memory, io, windows, (address, data) -> messages.add(new Message(address, data)), device -> level -> intx = level);
        bus.add(DEVICE, 0, function);
        bus.reset();
    }

    /** Firmware gives addresses to the function. */
    public Slot setUp() {
        PciSetup.run(bus, device -> 11);
        write(PciFunction.COMMAND, 2, 7);
        return this;
    }

    public int read(int register, int size) {
        return read(DEVICE, register, size);
    }

    int read(int device, int register, int size) {
        io.out(0xCF8, 4, 0x80000000 | device << 11 | register & 0xFC);
        return io.in(0xCFC + (register & 3), size);
    }

    public void write(int register, int size, int value) {
        io.out(0xCF8, 4, 0x80000000 | DEVICE << 11 | register & 0xFC);
        io.out(0xCFC + (register & 3), size, value);
    }

    /** Address in a 32-bit memory register. */
    public long bar(int index) {
        return read(PciFunction.BAR0 + 4 * index, 4) & 0xFFFFFFF0L;
    }

    /** Where the {@code n}th capability with an ID begins, or 0. */
    public int capability(int id, int n) {
        for (int at = read(PciFunction.CAPABILITIES, 1); at != 0; at = read(at + 1, 1)) {
            if (read(at, 1) == id && n-- == 0) {
                return at;
            }
        }
        return 0;
    }
}
