package dev.javisor.hypervisor;

import dev.javisor.hypervisor.abi.KvmException;
import dev.javisor.hypervisor.abi.Regs;
import dev.javisor.hypervisor.abi.Sregs;
import dev.javisor.hypervisor.abi.VcpuExit;
import dev.javisor.hypervisor.vcpu.GuestState;
import dev.javisor.hypervisor.vcpu.VcpuCore;
import dev.javisor.processor.event.Reset;

/** A virtual processor: KVM's vcpu interface. A vcpu is used by one thread at a time. */
public final class Vcpu {
    private final Vm vm;
    private final int id;
    private final VcpuCore core;
    private boolean running;

    Vcpu(Vm vm, int id, VcpuCore core) {
        this.vm = vm;
        this.id = id;
        this.core = core;
        reset();
    }

    /** The APIC ID. */
    public int id() {
        return id;
    }

    /** Power-up: the state in which KVM creates a vcpu. */
    public void reset() {
        leaveGuest();
        Reset.reset(core.state.change(GuestState.ALL));
        core.reset();
    }

    void leaveGuest() {
        core.leaveGuest();
    }

    // ---- running ----

    /** KVM_RUN, without limit: runs until something is the caller's to do. */
    public VcpuExit run() {
        return run(Long.MAX_VALUE);
    }

    /**
     * KVM_RUN: runs until something is the caller's to do, or until guest time {@code limit}, which is an {@link VcpuExit.Intr}.
     *
     * @throws KvmException BUSY when the vcpu runs already
     */
    public VcpuExit run(long limit) {
        if (running) {
            throw new KvmException(KvmException.Error.BUSY, "vcpu " + id + " runs already");
        }
        running = true;
        try {
            return core.run(limit);
        } finally {
            running = false;
        }
    }

    /** Whether {@link #run} would do anything: the guest does not wait for an event. */
    public boolean isRunnable() {
        return core.isRunnable();
    }

    /** Instructions that the guest has retired. */
    public long retired() {
        return core.retired();
    }

    // ---- state ----

    private void checkStopped() {
        if (running) {
            throw new KvmException(KvmException.Error.BUSY, "vcpu " + id + " is running");
        }
        leaveGuest();
    }

    /** KVM_GET_REGS. */
    public Regs getRegs() {
        checkStopped();
        return StateAccess.regs(core.state);
    }

    /** KVM_SET_REGS. */
    public void setRegs(Regs r) {
        checkStopped();
        StateAccess.setRegs(core, r);
    }

    /** KVM_GET_SREGS. */
    public Sregs getSregs() {
        checkStopped();
        return StateAccess.sregs(core);
    }

    /** KVM_SET_SREGS. @throws KvmException INVALID_ARGUMENT for a state that no processor can be in */
    public void setSregs(Sregs s) {
        checkStopped();
        StateAccess.setSregs(core, s);
    }

    Vm vm() {
        return vm;
    }
}
