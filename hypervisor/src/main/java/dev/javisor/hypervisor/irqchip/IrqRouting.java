package dev.javisor.hypervisor.irqchip;

import dev.javisor.hypervisor.abi.IrqRoutingEntry;
import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.Msi;
import dev.javisor.processor.apic.ApicBus;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Where global system interrupts lead: to inputs of the controllers in the kernel, or to local APICs as messages. */
public final class IrqRouting {
    /** Most entries, and exclusive bound of GSIs. */
    public static final int MOST = 4096;

    private static final int PIC_PINS = 8;
    private static final int LEVEL_TRIGGERED = 0x8000;

    private final ApicBus messages;
    /** Null when the controllers are userspace's. */
    private final KernelIrqChip chip;
    private List<IrqRoutingEntry> entries = List.of();
    /** APIC IDs have 32 bits; and FFH is one of them. */
    private boolean wideIds, plainBroadcast;
    /** Vectors of level-triggered messages. */
    private BitSet levelVectors = new BitSet();

    /** @param chip the controllers in the kernel, or null: all routes are messages */
    public IrqRouting(ApicBus messages, KernelIrqChip chip) {
        this.messages = messages;
        this.chip = chip;
        if (chip != null) {
            entries = standard();
        }
    }

    /** ISA requests lead to both controllers, the other inputs of the I/O APIC are GSIs of their own. */
    private static List<IrqRoutingEntry> standard() {
        List<IrqRoutingEntry> all = new ArrayList<>();
        for (int gsi = 0; gsi < KernelIrqChip.INPUTS; gsi++) {
            if (gsi < 2 * PIC_PINS) {
                int pic = gsi < PIC_PINS ? IrqRoutingEntry.PIC_MASTER : IrqRoutingEntry.PIC_SLAVE;
                all.add(IrqRoutingEntry.irqchip(gsi, pic, gsi % PIC_PINS));
            }
            all.add(IrqRoutingEntry.irqchip(gsi, IrqRoutingEntry.IOAPIC, gsi));
        }
        return all;
    }

    /**
     * KVM_SET_GSI_ROUTING: replaces all routes.
     *
     * @throws KvmException INVALID_ARGUMENT for more than {@link #MOST} entries, for one that leads nowhere, and for a GSI that leads to
     *     one controller twice, or to a message and anything else
     */
    public void set(List<IrqRoutingEntry> routes) {
        if (routes.size() > MOST) {
            throw KvmException.invalid("at most " + MOST + " routes, not " + routes.size());
        }
        List<IrqRoutingEntry> copies = new ArrayList<>();
        Set<Long> used = new HashSet<>();
        BitSet messageGsis = new BitSet();
        BitSet inputGsis = new BitSet();
        BitSet vectors = new BitSet();
        for (IrqRoutingEntry r : routes) {
            IrqRoutingEntry e = new IrqRoutingEntry();
            e.fromBytes(r.toBytes());
            check(e);
            boolean message = e.type == IrqRoutingEntry.MSI;
            boolean again = message && (inputGsis.get(e.gsi) || messageGsis.get(e.gsi)) || !message && messageGsis.get(e.gsi);
            if (again || !used.add((long) e.gsi << 8 | (message ? 0xFF : e.irqchip))) {
                throw KvmException.invalid("GSI " + e.gsi + " leads to the same place twice");
            }
            (message ? messageGsis : inputGsis).set(e.gsi);
            if (message && (e.data & LEVEL_TRIGGERED) != 0) {
                vectors.set(e.data & 0xFF);
            }
            copies.add(e);
        }
        entries = copies;
        levelVectors = vectors;
    }

    private void check(IrqRoutingEntry e) {
        if (e.gsi < 0 || e.gsi >= MOST) {
            throw KvmException.invalid("there is no GSI " + e.gsi);
        }
        if (e.flags != 0) {
            throw KvmException.invalid("unknown flags of the route of GSI " + e.gsi);
        }
        switch (e.type) {
            case IrqRoutingEntry.MSI -> {
                if (wideIds && (e.addressHi & 0xFF) != 0) {
                    throw KvmException.invalid("the lowest byte of an APIC ID does not belong into the high half of the address");
                }
            }
            case IrqRoutingEntry.IRQCHIP -> {
                int pins = e.irqchip == IrqRoutingEntry.IOAPIC ? KernelIrqChip.INPUTS : PIC_PINS;
                boolean known = e.irqchip >= IrqRoutingEntry.PIC_MASTER && e.irqchip <= IrqRoutingEntry.IOAPIC;
                if (chip == null || !known || e.pin < 0 || e.pin >= pins) {
                    throw KvmException.invalid("there is no input " + e.pin + " of controller " + e.irqchip + " in the kernel");
                }
            }
            default -> throw KvmException.invalid("unknown type " + e.type + " of the route of GSI " + e.gsi);
        }
    }

    /** The GSIs that lead to an input of the I/O APIC. */
    public List<Integer> gsisOf(int pin) {
        return entries.stream()
                .filter(e -> e.type == IrqRoutingEntry.IRQCHIP && e.irqchip == IrqRoutingEntry.IOAPIC && e.pin == pin)
                .map(e -> e.gsi)
                .toList();
    }

    /** Drives a GSI. @param source {@link KernelIrqChip#USERSPACE} or {@link KernelIrqChip#TIMER} */
    public void drive(int source, int gsi, boolean level) {
        for (IrqRoutingEntry e : entries) {
            if (e.gsi == gsi) {
                if (e.type == IrqRoutingEntry.IRQCHIP) {
                    chip.drive(source, e.irqchip, e.pin, level);
                } else if (level) {
                    send((long) e.addressHi << 32 | e.addressLo & 0xFFFF_FFFFL, e.data);
                }
            }
        }
    }

    /**
     * KVM_SIGNAL_MSI.
     *
     * @return whether a local APIC took it
     * @throws KvmException INVALID_ARGUMENT for flags, and for an APIC ID that stands at the wrong place
     */
    public boolean signal(Msi m) {
        if (m.flags != 0 || wideIds && (m.addressHi & 0xFF) != 0) {
            throw KvmException.invalid("a message has no flags, and the high half of its address no bits below 8");
        }
        return send(m.address(), m.data);
    }

    private boolean send(long address, int data) {
        return wideIds ? messages.wideMessage(address, data, !plainBroadcast) : messages.message(address & 0xFFFF_FFFFL, data);
    }

    /** KVM_CAP_X2APIC_API. @param ids the high half of addresses counts @param plain ID FFH is no broadcast */
    public void setWideIds(boolean ids, boolean plain) {
        wideIds = ids;
        plainBroadcast = plain;
    }

    public boolean hasWideIds() {
        return wideIds;
    }

    /** A route brings this vector as a level-triggered message: whoever sent it wants to know its end. */
    public boolean isLevelTriggered(int vector) {
        return levelVectors.get(vector);
    }
}
