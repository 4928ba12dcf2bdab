package dev.javisor.machine.examples;

import dev.javisor.hypervisor.abi.VcpuExit;
import java.util.ArrayList;
import java.util.List;

/** Answers the guest's accesses of a port. */
public final class InterceptPort {
    private InterceptPort() {}

    public static void main(String[] arguments) {
        System.out.println(run());
    }

    /** A guest that adds two numbers from port 10H and writes the sum to port 20H. Returns what it wrote. */
    public static List<Integer> run() {
        List<Integer> written = new ArrayList<>();
        try (SmallGuest guest = new SmallGuest("in al, 0x10", "mov bl, al", "in al, 0x10", "add al, bl", "out 0x20, al", "hlt")) {
            int next = 20;
            while (true) {
                switch (guest.vcpu.run()) {
                    case VcpuExit.Io in when in.direction() == VcpuExit.IO_IN -> in.setValue(next++);
                    case VcpuExit.Io out -> written.add(out.value());
                    case VcpuExit.Hlt halt -> {
                        return written;
                    }
                    case VcpuExit other -> throw new IllegalStateException(other.toString());
                }
            }
        }
    }
}
