package dev.javisor.machine.examples;

import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuExit;
import java.util.List;

/** Reads why a run ended. */
public final class WhyItEnded {
    private WhyItEnded() {}

    public static void main(String[] arguments) {
        run().forEach(System.out::println);
    }

    private static String explain(SmallGuest guest, VcpuExit exit) {
        return switch (exit) {
            case VcpuExit.Hlt halt -> "waits for an interrupt";
            case VcpuExit.Io io -> "wants port " + io.port();
            case VcpuExit.Mmio mmio -> "wants address " + Long.toHexString(mmio.physicalAddress());
            case VcpuExit.Shutdown triple -> "triple fault, instruction at " + Long.toHexString(guest.vcpu.getRegs().rip);
            case VcpuExit.FailEntry refused -> "no processor can be in this state: " + refused.explanation();
            case VcpuExit.InternalError error -> "the hypervisor gives up: " + error.suberror() + " " + error.data();
            case VcpuExit other -> other.toString();
        };
    }

    /** Three guests that end in different ways. */
    public static List<String> run() {
        try (SmallGuest halts = new SmallGuest("hlt");
                SmallGuest faults = new SmallGuest("lidt [0x3000]", "ud2");
                SmallGuest impossible = new SmallGuest("hlt")) {
            Sregs sregs = impossible.vcpu.getSregs();
            sregs.tr.type = 5;
            impossible.vcpu.setSregs(sregs);
            return List.of(
                    explain(halts, halts.vcpu.run()),
                    explain(faults, faults.vcpu.run()),
                    explain(impossible, impossible.vcpu.run()));
        }
    }
}
