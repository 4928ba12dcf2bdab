package dev.javisor.hypervisor.vcpu;

import dev.javisor.processor.core.Cpu;
import dev.javisor.processor.core.Event;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/** What a guest waits for that does not run: an event that ends HLT, or a page of its memory that comes later. */
public final class Waiting {
    private final VcpuCore core;
    private final Cpu cpu;
    /** The page that the guest needs before it can go on, or -1; and whether an interrupt ends the waiting. */
    private long awaitedPage = -1;

    private boolean awaitsLightly;

    Waiting(VcpuCore core) {
        this.core = core;
        this.cpu = core.cpu();
    }

    void reset() {
        awaitedPage = -1;
    }

    void save(StateOutput out) {
        out.putLongs("awaited page", new long[] {awaitedPage, awaitsLightly ? 1 : 0});
    }

    void load(StateInput in) {
        long[] awaited = new long[2];
        in.getLongs("awaited page", awaited);
        awaitedPage = awaited[0];
        awaitsLightly = awaited[1] != 0;
    }

    /** For a page. */
    boolean awaitsPage() {
        return awaitedPage >= 0;
    }

    /** An interrupt has come that ends the waiting for a page. */
    boolean isInterrupted() {
        return awaitsLightly && core.injection().interruptAllowed() && core.injection().hasInterrupt();
    }

    /** Something that has arrived, and that the vcpu has not looked at, ends the guest's waiting. */
    boolean wakesByRequest() {
        int r = cpu.requests;
        if (cpu.activity == Cpu.WAIT_FOR_SIPI) {
            return (r & (Cpu.INIT_REQUEST | Cpu.SIPI_REQUEST)) != 0;
        }
        boolean nmi = (r & Cpu.NMI_REQUEST) != 0 && !core.state.load(GuestState.EVENTS).nmiBlocked;
        return nmi || (r & (Cpu.SMI_REQUEST | Cpu.INIT_REQUEST)) != 0 && !cpu.inSmm;
    }

    /** There is something that ends the guest's waiting. */
    boolean wakes() {
        if (cpu.activity == Cpu.WAIT_FOR_SIPI) {
            return false;
        }
        Cpu c = core.state.load(GuestState.REGISTERS | GuestState.EVENTS);
        c.monitor.poll();
        EventQueue q = core.events;
        boolean injects = q.hasException() || q.nmiInjected || q.interruptInjected || q.tripleFault;
        boolean nmi = q.nmisPending != 0 && !c.nmiBlocked;
        boolean breaks = core.injection().interruptAllowed() || c.activity == Cpu.MWAIT && c.waitBreaksOnInterrupt;
        return c.activity == Cpu.ACTIVE || injects || nmi || q.smiPending && !c.inSmm || breaks && core.injection().hasInterrupt();
    }

    /**
     * The guest needs a page that is not there. It is told, if it wants to be and can do something else meanwhile; else it waits.
     *
     * @param vectoring the access was part of an event's delivery
     */
    public void pageMissing(long page, boolean vectoring) {
        boolean between = !vectoring && cpu.stringElements == 0 && !core.events.isPending();
        awaitsLightly = between && core.hasLocalApic() && core.injection().interruptAllowed();
        if (awaitsLightly && !core.paravirtual().waitsFor(page)) {
            core.state.load(GuestState.SYSTEM);
            long token = core.paravirtual().pageMissing(page);
            if (token >= 0) {
                core.events.queue(Event.pageFault(token, 0));
                return;
            }
        }
        awaitedPage = page;
    }

    /** Software needs the page before it can go on with what it does for the guest. */
    void forPage(long page) {
        awaitedPage = page;
        awaitsLightly = false;
    }

    /** A page is there. */
    public void pageArrived(long page) {
        if (awaitedPage == page) {
            awaitedPage = -1;
        }
        core.paravirtual().pageArrived(page);
    }
}
