package dev.javisor.hypervisor.vcpu;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.InterruptController;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/** What the processor knows of a local APIC that is userspace's: CR8 and IA32_APIC_BASE. The registers are userspace's devices. */
public final class UserLocalApic implements InterruptController {
    private static final long DEFAULT_BASE = 0xFEE0_0000L, BSP = 0x100, ENABLE = 0x800;
    private static final int NO_VECTOR = 0xFF;

    private final Cpu cpu;
    private int taskPriority;

    /** Attaches it to its processor. */
    public UserLocalApic(Cpu cpu) {
        this.cpu = cpu;
        cpu.apic = this;
        reset();
    }

    @Override
    public int pendingVector() {
        return -1;
    }

    @Override
    public int acknowledge() {
        return NO_VECTOR;
    }

    @Override
    public int cr8() {
        return taskPriority;
    }

    @Override
    public void setCr8(int value) {
        taskPriority = value & 15;
    }

    @Override
    public long base() {
        return cpu.apicBaseMsr & ~0xFFFL;
    }

    /** Accesses go where there is no memory: to userspace. */
    @Override
    public boolean mmioEnabled() {
        return false;
    }

    @Override
    public long baseMsr() {
        return cpu.apicBaseMsr;
    }

    @Override
    public void setBaseMsr(long value) {
        long reserved = cpu.model.physicalReserved() | 0xFFF & ~(BSP | ENABLE);
        if ((value & reserved) != 0) {
            throw cpu.gp0();
        }
        cpu.apicBaseMsr = value;
    }

    @Override
    public long readMsr(int index) {
        throw cpu.gp0();
    }

    @Override
    public void writeMsr(int index, long value) {
        throw cpu.gp0();
    }

    @Override
    public long tscDeadline() {
        return 0;
    }

    @Override
    public void setTscDeadline(long value) {
        // there is no timer
    }

    @Override
    public void tscChanged() {
        // there is no timer
    }

    @Override
    public void init() {
        taskPriority = 0;
    }

    @Override
    public void reset() {
        init();
        cpu.apicBaseMsr = DEFAULT_BASE | ENABLE | (cpu.bootstrap ? BSP : 0);
    }

    @Override
    public long read(long offset, int size) {
        return 0;
    }

    @Override
    public void write(long offset, int size, long value) {
        // not mapped
    }

    @Override
    public void save(StateOutput out) {
        out.putInt("task priority", taskPriority);
    }

    @Override
    public void load(StateInput in) {
        taskPriority = in.getInt("task priority");
    }
}
