package dev.javisor.processor.system;

import dev.javisor.isa.CpuModel;
import dev.javisor.isa.Instruction;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Handler;
import dev.javisor.processor.core.Latency;
import dev.javisor.processor.core.Op;

/** VMCALL and VMMCALL outside of virtualization: #UD, unless the board answers hypercalls. */
public final class Hypercall {
    private Hypercall() {}

    public static Handler bind(Instruction i) {
        return switch (i.opcode.mnemonic) {
            case "VMCALL" -> Hypercall::vmcall;
            case "VMMCALL" -> Hypercall::vmmcall;
            default -> null;
        };
    }

    public static void vmcall(Cpu c, Op o) {
        answer(c, CpuModel.Vendor.INTEL);
    }

    public static void vmmcall(Cpu c, Op o) {
        answer(c, CpuModel.Vendor.AMD);
    }

    private static void answer(Cpu c, CpuModel.Vendor vendor) {
        if (c.hypercalls == null || c.model.vendor() != vendor) {
            throw c.ud();
        }
        c.hypercalls.call(c);
        c.takeTime(Latency.HYPERCALL);
    }
}
