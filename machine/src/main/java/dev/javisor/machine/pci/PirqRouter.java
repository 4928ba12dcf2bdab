package dev.javisor.machine.pci;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.bus.SharedLine;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/**
 * The ISA bridge's interrupt router: the four PIRQ lines that the INTx pins of all slots share, each wired to an I/O APIC input, and to
 * the 8259 pair through a route register.
 */
public final class PirqRouter implements Device {
    /** I/O APIC input of PIRQA; the others follow. */
    public static final int FIRST_INPUT = 16;

    public static final int LINES = 4;
    /** Route register: no routing; else the interrupt request in the low bits. */
    private static final int DISABLED = 0x80;

    private final SharedLine[] lines = new SharedLine[LINES];
    private final InterruptLine[][] requests = new InterruptLine[LINES][];
    private final boolean[] level = new boolean[LINES];
    private final int[] route = new int[LINES];

    /**
     * @param inputs I/O APIC inputs by PIRQ
     * @param requests a source on each interrupt request of the 8259 pair, by PIRQ and request; null where nothing can be routed to
     */
    public PirqRouter(InterruptLine[] inputs, InterruptLine[][] requests) {
        for (int i = 0; i < LINES; i++) {
            int n = i;
            InterruptLine input = inputs[i];
            this.requests[i] = requests[i].clone();
            lines[i] = new SharedLine(l -> {
                level[n] = l;
                input.set(l);
                drive(n, l);
            });
            route[i] = DISABLED;
        }
    }

    /** The PIRQ that INTA of a device is wired to. */
    public static int pirq(int device) {
        return device & LINES - 1;
    }

    /** A new source on the line of a device. */
    public InterruptLine source(int device) {
        return lines[pirq(device)].source();
    }

    int route(int pirq) {
        return route[pirq];
    }

    void setRoute(int pirq, int value) {
        drive(pirq, false);
        route[pirq] = value;
        drive(pirq, level[pirq]);
    }

    private void drive(int pirq, boolean l) {
        InterruptLine request = (route[pirq] & DISABLED) != 0 ? null : requests[pirq][route[pirq] & 15];
        if (request != null) {
            request.set(l);
        }
    }

    @Override
    public void reset() {
        for (int i = 0; i < LINES; i++) {
            setRoute(i, DISABLED);
        }
    }

    @Override
    public void save(StateOutput out) {
        for (int i = 0; i < LINES; i++) {
            out.put("line", lines[i]);
            out.putBoolean("level", level[i]);
            out.putInt("route", route[i]);
        }
    }

    @Override
    public void load(StateInput in) {
        for (int i = 0; i < LINES; i++) {
            in.get("line", lines[i]);
            level[i] = in.getBoolean("level");
            route[i] = in.getInt("route");
        }
    }
}
