package dev.javisor.machine.examples;

import dev.javisor.hypervisor.abi.GuestDebug;
import dev.javisor.hypervisor.abi.VcpuExit;
import java.util.ArrayList;
import java.util.List;

/** Steps a guest, which does not notice: its own trap flag and debug registers stay as they are. */
public final class SingleStep {
    private SingleStep() {}

    public static void main(String[] arguments) {
        run().forEach(pc -> System.out.println(Long.toHexString(pc)));
    }

    /** Returns the address behind each step. */
    public static List<Long> run() {
        List<Long> steps = new ArrayList<>();
        try (SmallGuest guest = new SmallGuest("mov cx, 2", "again: inc ax", "loop again", "hlt")) {
            GuestDebug debug = new GuestDebug();
            debug.control = GuestDebug.ENABLE | GuestDebug.SINGLESTEP;
            guest.vcpu.setGuestDebug(debug);
            while (guest.vcpu.run() instanceof VcpuExit.Debug step) {
                steps.add(step.pc());
            }
        }
        return steps;
    }
}
