package dev.javisor.hypervisor.paravirtual;

import dev.javisor.isa.Feature;
import dev.javisor.isa.Msr;
import dev.javisor.processor.apic.LocalApic;
import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Paravirtualization;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;
import dev.javisor.processor.state.Stateful;

/** What KVM offers to the guest on one vcpu, behind its model-specific registers. */
public final class Paravirtual implements Paravirtualization, Stateful {
    private final Cpu cpu;
    private final SystemClock system;
    private final VcpuClock clock;
    private final StealTime steal;
    private final QuietEnd quietEnd;
    private final AsyncPageFaults faults;
    private long wallClock;
    /** The page of the wall clock was not there when it should have been written. */
    private boolean wallClockDue;
    private boolean kicked;

    /** @param apic the local APIC, or null when userspace has it */
    public Paravirtual(Cpu cpu, SystemClock system, LocalApic apic) {
        this.cpu = cpu;
        this.system = system;
        clock = new VcpuClock(cpu, system);
        steal = new StealTime(cpu);
        quietEnd = new QuietEnd(cpu, apic);
        faults = new AsyncPageFaults(cpu, apic);
        cpu.paravirtual = this;
    }

    // ---- registers ----

    @Override
    public long readMsr(Msr register) {
        return switch (register) {
            case KVM_WALL_CLOCK, KVM_WALL_CLOCK_OLD -> wallClock;
            case KVM_SYSTEM_TIME, KVM_SYSTEM_TIME_OLD -> clock.register();
            case KVM_STEAL_TIME -> steal.register();
            case KVM_PV_EOI_EN -> quietEnd.register();
            case KVM_ASYNC_PF_EN -> faults.register();
            case KVM_ASYNC_PF_INT -> faults.vector();
            case KVM_ASYNC_PF_ACK -> 0;
            default -> throw cpu.gp0();
        };
    }

    @Override
    public void writeMsr(Msr register, long value) {
        switch (register) {
            case KVM_WALL_CLOCK, KVM_WALL_CLOCK_OLD -> writeWallClock(value);
            case KVM_SYSTEM_TIME, KVM_SYSTEM_TIME_OLD -> clock.setRegister(value);
            case KVM_STEAL_TIME -> steal.setRegister(value);
            case KVM_PV_EOI_EN -> quietEnd.connect(value);
            case KVM_ASYNC_PF_EN -> {
                if (!faults.setRegister(value)) {
                    throw cpu.gp0();
                }
            }
            case KVM_ASYNC_PF_INT -> faults.setVector((int) value);
            case KVM_ASYNC_PF_ACK -> {
                if ((value & 1) != 0) {
                    faults.deliver();
                }
            }
            default -> throw cpu.gp0();
        }
    }

    /** The time of day when the clock showed 0: version, seconds, nanoseconds. */
    private void writeWallClock(long gpa) {
        wallClock = gpa;
        SharedPage page = new SharedPage(cpu.memory, 12);
        page.at(gpa);
        wallClockDue = gpa != 0 && page.isGiven();
        if (gpa != 0 && page.isThere()) {
            wallClockDue = false;
            long time = system.timeOfDayAtZero();
            page.write(4, 4, time / 1_000_000_000L);
            page.write(8, 4, time % 1_000_000_000L);
            page.nextVersion(0);
        }
    }

    /** KVM_KVMCLOCK_CTRL. @return false when the guest does not use the clock */
    public boolean tellStopped() {
        return clock.tellStopped();
    }

    /** The clock has been set. */
    public void clockSet() {
        clock.update();
    }

    // ---- running ----

    /** A turn of the vcpu begins. @return whether the guest's translations must be flushed */
    public boolean begin() {
        return steal.begin();
    }

    /** A turn ends. @param waits the vcpu has nothing to do */
    public void end(boolean waits) {
        steal.end(waits);
    }

    /** Before everything that an entry depends on. */
    public void prepareEntry() {
        quietEnd.look();
        clock.follow();
        if (wallClockDue) {
            writeWallClock(wallClock);
        }
    }

    /** After the event to inject has been chosen. */
    public void enter() {
        quietEnd.offer();
    }

    /** The guest has exited, or somebody wants to look at its state. */
    public void exited() {
        quietEnd.look();
    }

    // ---- waiting ----

    /** Hypercall "kick": the vcpu goes on although it has halted, or will not halt the next time. */
    public void kick() {
        kicked = true;
    }

    public boolean isKicked() {
        return kicked;
    }

    /** Takes the kick, if there was one. */
    public boolean takeKick() {
        boolean was = kicked;
        kicked = false;
        return was;
    }

    /** The guest waits for the page already, or for so many that it must not be told of another. */
    public boolean waitsFor(long page) {
        return faults.knows(page) || faults.isFull();
    }

    /** The guest, which can take interrupts, needs a page. @return the token to put into CR2 of a #PF, or -1 for none */
    public long pageMissing(long page) {
        return faults.missing(page);
    }

    public void pageArrived(long page) {
        faults.arrived(page);
    }

    // ---- state ----

    /** Power-up, or INIT. */
    public void reset() {
        clock.connect(0);
        steal.reset();
        quietEnd.setOffered(false);
        quietEnd.connect(0);
        faults.reset();
        kicked = false;
        cpu.msr[Msr.KVM_POLL_CONTROL.slot] = Msr.KVM_POLL_CONTROL.reset;
    }

    @Override
    public void save(StateOutput out) {
        out.putLongs("clock", clock.state());
        out.putLongs("wall clock", new long[] {wallClock, wallClockDue ? 1 : 0});
        out.putLongs("steal time", steal.state());
        out.putLongs("end of interrupt", new long[] {quietEnd.register(), quietEnd.isOffered() ? 1 : 0, kicked ? 1 : 0});
        long[] f = faults.state();
        out.putInt("page fault words", f.length);
        out.putLongs("page faults", f);
    }

    @Override
    public void load(StateInput in) {
        long[] c = new long[3];
        in.getLongs("clock", c);
        clock.setState(c);
        long[] w = new long[2];
        in.getLongs("wall clock", w);
        wallClock = w[0];
        wallClockDue = w[1] != 0;
        long[] s = new long[4];
        in.getLongs("steal time", s);
        steal.setState(s);
        long[] e = new long[3];
        in.getLongs("end of interrupt", e);
        quietEnd.connect(e[0]);
        quietEnd.setOffered(e[1] != 0);
        kicked = e[2] != 0;
        long[] f = new long[in.getInt("page fault words")];
        in.getLongs("page faults", f);
        faults.setState(f);
    }

    /** Whether a model lets its guests use something; one that enumerates nothing says nothing about it. */
    static boolean offers(Cpu c, Feature f) {
        return !c.model.isParavirtual() || c.has(f);
    }
}
