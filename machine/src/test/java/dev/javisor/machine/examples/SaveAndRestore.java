package dev.javisor.machine.examples;

import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import java.lang.foreign.ValueLayout;

/** Stops a guest in the middle, moves it into another VM, and goes on there. */
public final class SaveAndRestore {
    /** Adds the numbers from 100 down to 1. */
    private static final String[] SUM = {"mov cx, 100", "again: add ax, cx", "loop again", "mov [0x2000], ax", "hlt"};

    private SaveAndRestore() {}

    public static void main(String[] arguments) {
        System.out.println(run(77));
    }

    /** Returns the sum. @param when guest time at which the guest moves */
    public static int run(long when) {
        byte[] state;
        byte[] memory;
        try (SmallGuest guest = new SmallGuest(SUM)) {
            VcpuExit early = guest.vcpu.run(when);
            System.out.println("stopped: " + early);
            StateOutput out = new StateOutput();
            guest.vm.save(out);
            state = out.toByteArray();
            memory = guest.ram.toArray(ValueLayout.JAVA_BYTE);
        }
        try (SmallGuest other = new SmallGuest()) {
            other.vm.memory().write(0, memory, 0, memory.length);
            other.vm.load(new StateInput(state));
            VcpuExit end = other.vcpu.run();
            System.out.println("ended: " + end);
            return other.ram.get(ValueLayout.JAVA_SHORT, 0x2000);
        }
    }
}
