package dev.javisor.machine.pci;

import java.util.function.IntUnaryOperator;

/**
 * What firmware does to a PCI bus before it starts a kernel: gives every function its addresses and its interrupt, and switches decoding
 * on.
 */
public final class PciSetup {
    private final PciBus bus;
    private long nextMemory;
    private long nextPort;

    private PciSetup(PciBus bus) {
        this.bus = bus;
        nextMemory = bus.windows().memoryStart();
        nextPort = bus.windows().portStart();
    }

    /** @param irqs ISA interrupt request of INTA of each device, by the board's routing */
    public static void run(PciBus bus, IntUnaryOperator irqs) {
        PciSetup setup = new PciSetup(bus);
        for (int device = 0; device < 32; device++) {
            for (int function = 0; function < 8; function++) {
                PciFunction f = bus.function(device, function);
                if (f != null) {
                    setup.assign(f);
                    if (f.get(PciFunction.INTERRUPT_PIN, 1) != 0) {
                        f.put(PciFunction.INTERRUPT_LINE, 1, irqs.applyAsInt(device));
                    }
                }
            }
        }
    }

    private void assign(PciFunction f) {
        int enable = 0;
        for (int i = 0; i < PciFunction.BARS; i++) {
            Bar bar = f.bars[i];
            if (bar == null) {
                continue;
            }
            if (bar.kind() == Bar.Kind.PORTS) {
                nextPort = up(nextPort, Math.max(bar.size(), 16));
                f.setBarAddress(i, nextPort);
                nextPort += bar.size();
                enable |= PciFunction.IO_ENABLE;
            } else {
                nextMemory = up(nextMemory, Math.max(bar.size(), 4096));
                f.setBarAddress(i, nextMemory);
                nextMemory += Math.max(bar.size(), 4096);
                enable |= PciFunction.MEMORY_ENABLE;
            }
        }
        f.put(PciFunction.COMMAND, 2, f.get(PciFunction.COMMAND, 2) | enable);
        bus.remap(f);
    }

    private static long up(long value, long alignment) {
        return value + alignment - 1 & -alignment;
    }
}
